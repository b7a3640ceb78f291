"""Verify a release: re-read every byte from source to approver, offline or against the live ledger.

Each check is a small function over the evidence. It returns what it saw or fails; an error inside a check is a failed
check, so that nothing passes by absence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import MlopsError
from mlops.ledger.store import Ledger
from mlops.registry import artifact_checks, event_checks
from mlops.registry.attestation import ATTESTATION, EVENTS, FORMAT
from mlops.registry.dossier import check_release_name, release_id
from mlops.registry.errors import RegistryError
from mlops.registry.evidence import CheckFailedError, Evidence, require
from mlops.registry.signing import load_trusted, release_statement, signature_holds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class VerifyReport:
    """All answers about one release; ``ok`` only when every check holds."""

    release: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Every check holds, and there are checks."""
        return bool(self.checks) and all(check.ok for check in self.checks)


def verify_release(
    workspace: Path, release: str, *, root: Path, trusted: Path, ledger: Ledger | None = None
) -> VerifyReport:
    """Check everything that proves a release.

    Args:
        workspace: holds ``store/`` and ``releases/``.
        release: its name.
        root: the checkout; only the base model is read from it.
        trusted: folder of the public keys (``*.pem``) whose signatures count. Whoever can write it can forge, so an
            auditor passes a folder of his own.
        ledger: the live ledger, which must continue the exported chain; ``None`` for an offline verification.

    Returns:
        One answer per check; a changed byte anywhere gives a failed one, never an exception.

    Raises:
        RegistryError: no release of that name was exported here.
    """
    evidence = Evidence(workspace, check_release_name(release), root, trusted, ledger)
    if not evidence.folder.is_dir():
        raise RegistryError(
            "REGISTRY-060",
            "expected an exported release, found none of that name",
            where=str(evidence.folder),
            todo="list the releases: mlops registry list; export a registered one: mlops registry export RELEASE",
        )
    checks = [*CHECKS, *([("live ledger", event_checks.live_ledger)] if ledger is not None else [])]
    return VerifyReport(release, tuple(_answer(name, check, evidence) for name, check in checks))


def _answer(name: str, check: Callable[[Evidence], str], evidence: Evidence) -> Check:
    try:
        return Check(name, True, check(evidence))
    except CheckFailedError as failure:
        return Check(name, False, str(failure))
    except MlopsError as error:
        place = f" ({error.where})" if error.where else ""
        return Check(name, False, error.message + place)
    except Exception as error:  # whatever a changed byte does to the reader, the answer is no
        log.debug("check %s ended with %s", name, type(error).__name__, exc_info=True)
        return Check(name, False, f"cannot be checked: the evidence is missing or malformed ({type(error).__name__})")


def attestation(evidence: Evidence) -> str:
    """The exported folder holds two files, and the attestation has its one form and names this release."""
    entries = sorted(evidence.folder.iterdir())
    names = [entry.name for entry in entries]
    require(names == [ATTESTATION, EVENTS], f"expected {ATTESTATION} and {EVENTS} alone in the folder")
    plain = all(entry.is_file() and not entry.is_symlink() for entry in entries)
    require(plain and not evidence.folder.is_symlink(), "a link stands where a file should")
    found = evidence.attestation
    keys = {"format", "release", "dossier", "public_key", "signature", "head"}
    require(set(found) == keys and set(found["head"]) == {"seq", "digest", "signature"}, "unexpected fields")
    require(found["format"] == FORMAT, "unknown format")
    require(found["release"] == evidence.release, "it names another release than its folder")
    return f"canonical, {FORMAT}"


def signature(evidence: Evidence) -> str:
    """A trusted key signed the release's name and its dossier's digest."""
    found = evidence.attestation
    key = load_trusted(evidence.trusted).get(found["public_key"])
    require(key is not None, f"the signing key is not among the trusted ones in {evidence.trusted}")
    statement = release_statement(found["release"], found["dossier"])
    require(key is not None and signature_holds(key, statement, found["signature"]), "the signature does not hold")
    return f"signed by {found['public_key'][:24]}…"


def name(evidence: Evidence) -> str:
    """The release's name follows from its use case and its dossier's digest."""
    expected = release_id(evidence.dossier["use_case"]["name"], evidence.attestation["dossier"])
    require(expected == evidence.release, "the name does not follow from the dossier's digest")
    return evidence.release


CHECKS: tuple[tuple[str, Callable[[Evidence], str]], ...] = (
    ("attestation", attestation),
    ("signature", signature),
    ("dossier", artifact_checks.dossier),
    ("name", name),
    ("artifacts", artifact_checks.upstream),
    ("inputs and keys", artifact_checks.inputs),
    ("base model", artifact_checks.base_model),
    ("use case", artifact_checks.use_case),
    ("contracts", artifact_checks.contracts),
    ("contract approvals", artifact_checks.approvals),
    ("gate verdict", artifact_checks.gate),
    ("event chain", event_checks.chain),
    ("stage records", event_checks.stage_records),
    ("measurements", event_checks.measurements),
    ("registration", event_checks.registration),
    ("decisions", event_checks.decisions),
)
"""Every check of an offline verification, in the order of the report."""
