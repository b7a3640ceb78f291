"""Checks of the exported events: the chain, what it says of the stages, and the decisions about the release."""

from __future__ import annotations

from collections.abc import Sequence

from mlops.artifacts import MEASUREMENTS, Artifact, digest_file
from mlops.ledger.chain import verify_chain
from mlops.ledger.events import Event, events
from mlops.registry.artifact_checks import REGISTER
from mlops.registry.attestation import concerns
from mlops.registry.evidence import Evidence, require
from mlops.registry.registration import registration_body
from mlops.registry.signing import head_statement, load_trusted, signature_holds
from mlops.registry.state import history, inconsistencies, releases, standing


def chain(evidence: Evidence) -> str:
    """The events follow each other from the first to the head, and a trusted key signed the head."""
    problems = verify_chain(evidence.events)
    require(not problems, problems[0] if problems else "")
    head = evidence.attestation["head"]
    last = evidence.events[-1]
    require((last.seq, last.digest) == (head["seq"], head["digest"]), "the chain does not end at the attested head")
    key = load_trusted(evidence.trusted).get(evidence.attestation["public_key"])
    statement = head_statement(evidence.release, head["seq"], head["digest"])
    require(
        key is not None and signature_holds(key, statement, head["signature"]), "the head's signature does not hold"
    )
    return f"{last.seq} events up to {last.at}"


def _stages(evidence: Evidence) -> dict[str, Artifact]:
    return {**evidence.upstream, REGISTER: evidence.dossier_artifact}


def _records(evidence: Evidence, stage: str, artifact: Artifact) -> list[Event]:
    return [
        event
        for event in evidence.events
        if event.kind == "stage_done" and event.stage == stage and event.body.get("artifact") == artifact.digest
    ]


def stage_records(evidence: Evidence) -> str:
    """The ledger saw each artifact being made, under the key and with the figures that its manifest has."""
    stages = _stages(evidence)
    for stage, artifact in stages.items():
        found = _records(evidence, stage, artifact)
        require(bool(found), f"no event says that {stage} made its artifact")
        for event in found:
            same = all(event.body[field] == artifact.manifest[field] for field in ("key", "outcome", "figures"))
            require(same, f"event {event.seq} says something else of {stage} than its artifact")
    return f"{len(stages)} stages recorded"


def measurements(evidence: Evidence) -> str:
    """The measurements beside each artifact are those that the ledger recorded when it was made."""
    stages = _stages(evidence)
    for stage, artifact in stages.items():
        path = artifact.path / MEASUREMENTS
        recorded = {event.body.get("measurements") for event in _records(evidence, stage, artifact)}
        require(path.is_file() and not path.is_symlink(), f"the measurements of {stage} are missing")
        require(digest_file(path) in recorded, f"the measurements of {stage} are not those that were recorded")
    return f"{len(stages)} files as recorded"


def registration(evidence: Evidence) -> str:
    """One event registered this dossier, with the dossier's own facts, after the gate's verdict was recorded."""
    digest = evidence.attestation["dossier"]
    found = [e for e in evidence.events if e.kind == "registered" and e.body.get("release") == evidence.release]
    require(len(found) == 1, f"expected one registration, found {len(found)}")
    event = found[0]
    expected = registration_body(evidence.release, digest, evidence.dossier)
    require(event.body == expected, f"event {event.seq} registered something else than the dossier")
    require(event.use_case == evidence.dossier["use_case"]["name"], "it was registered for another use case")
    _check_verdict_events(evidence, event.seq)
    return f"event {event.seq}, {event.at}"


def _check_verdict_events(evidence: Evidence, before: int) -> None:
    gate = evidence.upstream["gate"].digest
    verdicts = [
        event.body.get("verdict")
        for event in evidence.events
        if event.kind == "gate_verdict" and event.body.get("artifact") == gate and event.seq < before
    ]
    require(bool(verdicts), "no event records the gate's verdict before the registration")
    require(set(verdicts) == {evidence.dossier["gate"]["verdict"]}, "an event records another verdict of the gate")


def decisions(evidence: Evidence) -> str:
    """Approvals, promotions and rollbacks of the use case agree with each other and with the rules."""
    use_case = evidence.dossier["use_case"]["name"]
    own = [event for event in evidence.events if event.use_case == use_case]
    problems = inconsistencies(own)
    require(not problems, problems[0] if problems else "")
    release = releases(own)[evidence.release]
    people = ", ".join(answer.approver for answer in release.approvals) or "nobody"
    need = release.approvals_required
    return f"{standing(release, history(own, use_case))}; approvals needed {need}, given by {people}"


def live_ledger(evidence: Evidence) -> str:
    """The live ledger continues the exported chain: nothing was rewritten, and no tail was cut."""
    if evidence.ledger is None:
        return "not asked"
    live = events(evidence.ledger)
    exported = evidence.events
    require(len(live) >= len(exported), f"the ledger ends at event {len(live)}, the export at {len(exported)}")
    _check_same(live, exported)
    problems = verify_chain(live)
    require(not problems, problems[0] if problems else "")
    newer = live[len(exported) :]
    concerned = sum(concerns(event, evidence.release, evidence.attestation["dossier"]) for event in newer)
    note = f", {concerned} of them about this release: export it again" if concerned else ""
    return f"continues the export by {len(newer)} event(s){note}"


def _check_same(live: Sequence[Event], exported: Sequence[Event]) -> None:
    for ours, theirs in zip(exported, live, strict=False):
        require(ours == theirs, f"event {ours.seq} in the ledger is not the exported one")
