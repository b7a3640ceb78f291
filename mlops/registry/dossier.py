"""The dossier: the sealed record of how a release came to be.

It names every artifact on the way by digest and carries the bytes of the use-case file and of the contracts, so that
it can be checked when the checkout has moved on. It holds no time, no run and no host: the same work gives the same
dossier, and so the same release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops.artifacts import MANIFEST, canonical_json, digest_bytes, digest_file, read_json, write_atomic
from mlops.registry.config import ApprovalSection
from mlops.registry.errors import RegistryError
from mlops.registry.model_card import model_card

DOSSIER = "dossier.json"
MODEL_CARD = "README.md"
USE_CASE = "use_case.yaml"
FORMAT = "mlops-dossier/1"
STAGES = ("ingest", "validate", "mask", "curate", "train", "evaluate", "gate")
"""The stages that a dossier of this format names, each with one artifact."""
FIRST_STAGE = STAGES[0]
RELEASABLE = ("PASS", "INCONCLUSIVE")
_RELEASE_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}-[0-9a-f]{12}")


def release_id(use_case: str, digest: str) -> str:
    """The release's name: the use case and the first 12 hex digits of the dossier artifact's digest."""
    return f"{use_case}-{digest.removeprefix('sha256:')[:12]}"


def check_release_name(release: str) -> str:
    """Return the name when it has the form of a release's name, which is also safe as a folder's name.

    Raises:
        RegistryError: it has not.
    """
    if not _RELEASE_NAME.fullmatch(release):
        raise RegistryError(
            "REGISTRY-010",
            "expected a release's name such as support_triage-0123456789ab, found another form",
            todo="list the releases: mlops registry list",
        )
    return release


def build_dossier(
    *,
    root: Path,
    use_case_file: Path,
    use_case_digest: str,
    base_model: str,
    base_model_digest: str,
    contracts: Mapping[str, str],
    approvals: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, Path],
    approval: ApprovalSection,
    champion: str | None = None,
    verdict_file: str = "verdict.json",
) -> dict[str, Any]:
    """Collect the dossier of a candidate as a JSON object.

    Args:
        root: the checkout; ``base_model`` and the keys of ``contracts`` are relative to it.
        use_case_file: the declaration's file.
        use_case_digest: digest of its bytes as the run pinned it.
        base_model: folder of the sealed base model.
        base_model_digest: its digest as the run pinned it.
        contracts: path to digest (of the file's bytes) as the run pinned them.
        approvals: contract path to ``path`` and ``digest`` of its file of approvals, and to the roles that had to
            approve (``required``); a contract that nobody approved (a development run) is missing.
        inputs: stage to directory of its verified artifact, for every stage of :data:`STAGES`.
        approval: who must agree; copied, so that a later edit of the file cannot loosen it.
        champion: the release that the gate compared with.
        verdict_file: name of the verdict in the gate's artifact; as ``Verdict.to_json`` gives it.

    Raises:
        RegistryError: a file changed since it was pinned, a stage is missing, or the gate did not let it pass.
    """
    declared = yaml_object(_pinned_bytes(use_case_file, use_case_digest), use_case_file.name)
    artifacts = _artifacts(inputs)
    gate = _gate(inputs["gate"], verdict_file)
    return {
        "format": FORMAT,
        "use_case": {
            "name": str(declared["name"]),
            "digest": use_case_digest,
            "owner": str(declared["owner"]),
            "purpose": declared["purpose"],
            "file": USE_CASE,
        },
        "base_model": {"path": base_model, "digest": base_model_digest},
        "contracts": {
            path: _contract(Path(root), path, digest, approvals.get(path)) for path, digest in sorted(contracts.items())
        },
        "artifacts": artifacts,
        "gate": gate,
        "harness": gate["report"]["harness"],
        "approval": approval.model_dump(mode="json"),
        "champion": champion,
    }


def write_dossier(directory: Path, dossier: Mapping[str, Any], *, root: Path, use_case_file: Path) -> None:
    """Write the payload of the dossier artifact: ``dossier.json``, ``README.md``, use case, contracts, approvals.

    Args:
        directory: an empty folder; the caller seals it.
        dossier: from :func:`build_dossier`.
        root: the checkout, as it was given there.
        use_case_file: the declaration's file, as it was given there.

    Raises:
        RegistryError: a file changed since the dossier was built.
        StorageError: the disk refused a write.
    """
    content = _pinned_bytes(use_case_file, dossier["use_case"]["digest"])
    write_atomic(directory / USE_CASE, content)
    for path, contract in dossier["contracts"].items():
        write_atomic(directory / contract["file"], _pinned_bytes(Path(root) / path, contract["digest"]))
        if approval := contract["approval"]:
            write_atomic(directory / approval["file"], _pinned_bytes(Path(root) / approval["path"], approval["digest"]))
    write_atomic(directory / DOSSIER, canonical_json(dict(dossier)))
    card = model_card(dossier, yaml_object(content, use_case_file.name))
    write_atomic(directory / MODEL_CARD, card.encode())


def yaml_object(content: bytes, where: str) -> dict[str, Any]:
    """Parse YAML that must be a mapping.

    Raises:
        RegistryError: it is not.
    """
    try:
        value = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict):
        raise RegistryError(
            "REGISTRY-011", "expected YAML with keys and values, found something else", where=where, todo="correct it"
        )
    return value


def _pinned_bytes(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        content = None
    if content is None or digest_bytes(content) != digest:
        found = "none" if content is None else digest_bytes(content)
        raise RegistryError(
            "REGISTRY-012",
            f"expected the file that the run pinned ({digest}), found {found}",
            where=str(path),
            todo="start a new run, which pins the file as it is now",
        )
    return content


def _embedded(path: str) -> str:
    return f"contracts/{path.replace('/', '--').lstrip('.')}"


def _contract(root: Path, path: str, digest: str, approval: Mapping[str, Any] | None) -> dict[str, Any]:
    content = yaml_object(_pinned_bytes(root / path, digest), path)
    if approval is not None:
        _pinned_bytes(root / approval["path"], approval["digest"])
    return {
        "id": str(content.get("id")),
        "version": str(content.get("version")),
        "digest": digest,
        "file": _embedded(path),
        "approval": None if approval is None else {**approval, "file": _embedded(approval["path"])},
    }


def _artifacts(inputs: Mapping[str, Path]) -> dict[str, Any]:
    if missing := [stage for stage in STAGES if stage not in inputs]:
        raise RegistryError(
            "REGISTRY-013",
            f"expected every stage upstream, found none for {', '.join(missing)}",
            where="register",
            todo="name all upstream stages as inputs of the register stage",
        )
    found: dict[str, Any] = {}
    for stage in STAGES:
        directory = inputs[stage]
        manifest = read_json(directory / MANIFEST)
        found[stage] = {
            "digest": digest_file(directory / MANIFEST),
            **{name: manifest[name] for name in ("key", "rows_in", "rows_out", "figures")},
        }
    return found


def _gate(directory: Path, verdict_file: str) -> dict[str, Any]:
    report = read_json(directory / verdict_file)
    verdict = report.get("outcome") if isinstance(report, dict) else None
    if verdict not in RELEASABLE or report["next_step"] == "blocked":
        raise RegistryError(
            "REGISTRY-014",
            f"expected a candidate that the gate let pass or sent to approval, found the verdict {verdict or 'none'}",
            where="gate",
            todo="read the gate's report; only a candidate that was not refused can be registered",
        )
    return {"verdict": verdict, "file": verdict_file, "digest": digest_file(directory / verdict_file), "report": report}
