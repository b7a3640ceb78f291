"""Checks of the dossier, of the artifacts it names and of the files it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from mlops import artifacts
from mlops.approvers import account
from mlops.artifacts import Artifact, canonical_json, digest_bytes, digest_file, read_json
from mlops.registry.dossier import DOSSIER, FIRST_STAGE, FORMAT, MODEL_CARD, RELEASABLE, STAGES, USE_CASE, yaml_object
from mlops.registry.evidence import Evidence, require

REGISTER = "register"


def dossier(evidence: Evidence) -> str:
    """The dossier is sealed by the attested digest, and holds what it must and nothing else."""
    artifact = evidence.dossier_artifact
    found = evidence.dossier
    require(found["format"] == FORMAT, "unknown format")
    _check_maker(artifact, REGISTER, found["use_case"]["name"])
    contracts = found["contracts"].values()
    approved = {contract["approval"]["file"] for contract in contracts if contract.get("approval")}
    expected = {DOSSIER, MODEL_CARD, USE_CASE, *(contract["file"] for contract in contracts), *approved}
    require(set(artifact.manifest["files"]) == expected, "it holds other files than it names")
    return f"{len(expected)} files under {artifact.digest[:19]}…"


def upstream(evidence: Evidence) -> str:
    """Every artifact on the way is in the store, with every byte as sealed."""
    found = evidence.upstream
    files = sum(len(artifact.manifest["files"]) for artifact in found.values())
    return f"{len(found)} artifacts, {files} files"


def inputs(evidence: Evidence) -> str:
    """Each stage read what the stage before it sealed, and each key follows from its parts."""
    require(set(evidence.upstream) == set(STAGES), f"expected the stages {', '.join(STAGES)}")
    stages = {**evidence.upstream, REGISTER: evidence.dossier_artifact}
    for stage, artifact in stages.items():
        _check_maker(artifact, stage, evidence.dossier["use_case"]["name"])
        parts = artifact.manifest["key_parts"]
        require(artifact.manifest["key"] == digest_bytes(canonical_json(parts)), f"the key of {stage} does not follow")
        require(bool(parts["inputs"]) == (stage != FIRST_STAGE), f"{stage} has no input, or one it must not have")
        for name, digest in parts["inputs"].items():
            require(stages[name].digest == digest, f"{stage} read another {name} than the dossier names")
    read = evidence.dossier_artifact.manifest["key_parts"]["inputs"]
    require(set(read) == set(STAGES), "the dossier was not made from all stages")
    for stage, facts in evidence.dossier["artifacts"].items():
        manifest = stages[stage].manifest
        same = all(facts[field] == manifest[field] for field in ("key", "rows_in", "rows_out", "figures"))
        require(same, f"the dossier's figures of {stage} are not those of its artifact")
    return " → ".join((*STAGES, REGISTER))


def _check_maker(artifact: Artifact, stage: str, use_case: str) -> None:
    manifest = artifact.manifest
    require(manifest["stage"] == stage, f"the artifact of {stage} was made by another stage")
    require(manifest["use_case"] == use_case, f"the artifact of {stage} belongs to another use case")
    require(manifest["outcome"] == "done", f"stage {stage} was blocked")


def base_model(evidence: Evidence) -> str:
    """The base model in the checkout is the one that was trained on, every byte of it."""
    found = evidence.dossier["base_model"]
    path = PurePosixPath(found["path"])
    require(not path.is_absolute() and ".." not in path.parts, "its path leaves the checkout")
    artifacts.verify(evidence.root / path, found["digest"])
    pins = evidence.upstream["train"].manifest["key_parts"]["pins"]
    require(found["digest"] in set(_texts(pins)), "the training was pinned to another base model")
    return f"{found['path']} {found['digest'][:19]}…"


def _texts(value: Any) -> Iterator[str]:
    """All strings inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def use_case(evidence: Evidence) -> str:
    """The embedded use-case file has its digest and declares what the dossier says."""
    found = evidence.dossier["use_case"]
    path = evidence.dossier_artifact.path / found["file"]
    require(digest_file(path) == found["digest"], "the embedded file has another digest")
    declared = yaml_object(path.read_bytes(), USE_CASE)
    same = all(declared[field] == found[field] for field in ("name", "owner", "purpose"))
    require(same, "the embedded file declares another name, owner or purpose")
    require(found["digest"] in set(_texts(_register_pins(evidence))), "the run was pinned to another file")
    return f"{found['name']} {found['digest'][:19]}…"


def _register_pins(evidence: Evidence) -> Any:
    return evidence.dossier_artifact.manifest["key_parts"]["pins"]


def contracts(evidence: Evidence) -> str:
    """The embedded contracts have their digests, ids and versions, and are those that the run was pinned to."""
    found = evidence.dossier["contracts"]
    require(bool(found), "the dossier names no contract")
    pinned = set(_texts(_register_pins(evidence)))
    moved = []
    for path, contract in found.items():
        file = evidence.dossier_artifact.path / contract["file"]
        require(digest_file(file) == contract["digest"], f"the embedded {path} has another digest")
        content = yaml_object(file.read_bytes(), path)
        same = (str(content.get("id")), str(content.get("version"))) == (contract["id"], contract["version"])
        require(same, f"the embedded {path} has another id or version")
        require(contract["digest"] in pinned, f"the run was pinned to another {path}")
        here = evidence.root / path
        if not here.is_file() or digest_file(here) != contract["digest"]:
            moved.append(path)
    note = f"; the checkout has moved on: {', '.join(moved)}" if moved else ""
    return f"{len(found)} embedded{note}"


def approvals(evidence: Evidence) -> str:
    """Every contract was approved as it is, in each role that it asks for, and not by its author alone.

    Whether a change also asked for the data-protection role follows from the version before, which the dossier does not
    hold: the roles that the run fixed are taken for it, besides those that the contract itself names.
    """
    folder = evidence.dossier_artifact.path
    pinned = _register_pins(evidence)["approvals"]
    people = set()
    require(bool(evidence.dossier["contracts"]), "the dossier names no contract")
    for path, contract in evidence.dossier["contracts"].items():
        approval = contract.get("approval")
        require(approval is not None, f"nobody approved {path} {contract['version']}: the run was one of development")
        require(digest_file(folder / approval["file"]) == approval["digest"], f"the approvals of {path} were changed")
        fixed = {name: value for name, value in approval.items() if name != "file"}
        require(fixed == pinned.get(path), f"the run was pinned to other approvals of {path}")
        found = yaml_object((folder / approval["file"]).read_bytes(), approval["path"])
        same = (found["digest"], str(found["version"])) == (contract["digest"], contract["version"])
        require(same, f"the approvals of {path} are those of another text or version")
        given, content = found["approvals"], yaml_object((folder / contract["file"]).read_bytes(), path)
        require(found["contract"] == content.get("name"), f"the approvals of {path} are those of another contract")
        asked = _approver_roles(content) | set(approval["required"])
        require(asked <= {each["role"] for each in given}, f"an approval of {path} is missing")
        accounts = [account(each["approver"]) for each in given]
        require(set(accounts) != {account(found["author"])}, f"only its author approved {path}")
        require(len(set(accounts)) == len(accounts), f"one person approved {path} twice")
        people |= {each["approver"] for each in given}
    return f"{len(evidence.dossier['contracts'])} contracts, approved by {', '.join(sorted(people))}"


def _approver_roles(contract: Mapping[str, Any]) -> set[str]:
    levels = ("firstLevelApprovers", "secondLevelApprovers")
    return {str(role[level]) for role in contract.get("roles") or () for level in levels if role.get(level)}


def gate(evidence: Evidence) -> str:
    """The verdict in the dossier is the gate's own, and it was not a refusal."""
    found = evidence.dossier["gate"]
    file = evidence.upstream["gate"].path / found["file"]
    require(digest_file(file) == found["digest"], "the verdict's file has another digest")
    require(read_json(file) == found["report"], "the verdict's file says something else")
    require(found["report"]["outcome"] == found["verdict"], "the dossier states another verdict")
    require(found["report"]["harness"] == evidence.dossier["harness"], "the dossier states another harness")
    require(found["verdict"] in RELEASABLE, "the gate refused the candidate")
    pinned = evidence.upstream["evaluate"].manifest["key_parts"]["pins"].get("champion")
    compared = None if pinned is None else pinned["release"]
    require(compared == evidence.dossier["champion"], "the dossier names another champion than was compared with")
    return f"{found['verdict']}, compared with {compared or 'no champion'}"
