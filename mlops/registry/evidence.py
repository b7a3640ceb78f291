"""What a verification reads, each part read and checked one time: attestation, dossier, artifacts, events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops import artifacts
from mlops.artifacts import Artifact, canonical_json, store_path
from mlops.ledger.chain import parse_event
from mlops.ledger.events import Event
from mlops.ledger.store import Ledger
from mlops.registry.attestation import ATTESTATION, EVENTS
from mlops.registry.dossier import DOSSIER


class CheckFailedError(Exception):
    """A check found what should not be; the text is for the report and quotes no data value."""


def require(holds: bool, otherwise: str) -> None:
    """Fail the check that runs now, unless ``holds``."""
    if not holds:
        raise CheckFailedError(otherwise)


def canonical_object(path: Path) -> dict[str, Any]:
    """Read a JSON object that must be in canonical form, byte for byte."""
    content = path.read_bytes()
    try:
        value = json.loads(content)
        canonical = canonical_json(value)
    except (ValueError, RecursionError):
        raise CheckFailedError(f"{path.name} is not JSON") from None
    require(isinstance(value, dict) and canonical == content, f"{path.name} is not in canonical form")
    found: dict[str, Any] = value
    return found


@dataclass(frozen=True)
class Evidence:
    """Everything about one release that verification looks at.

    Attributes:
        workspace: holds ``store/`` and ``releases/``.
        release: its name.
        root: the checkout, for the base model.
        trusted: folder of trusted public keys.
        ledger: the live ledger, or ``None`` for an offline verification.
    """

    workspace: Path
    release: str
    root: Path
    trusted: Path
    ledger: Ledger | None

    @property
    def folder(self) -> Path:
        """The exported folder."""
        return self.workspace / "releases" / self.release

    @cached_property
    def attestation(self) -> dict[str, Any]:
        """The attestation, in canonical form."""
        return canonical_object(self.folder / ATTESTATION)

    @cached_property
    def dossier_artifact(self) -> Artifact:
        """The sealed dossier, every byte of it read."""
        return self.artifact(self.attestation["dossier"])

    @cached_property
    def dossier(self) -> dict[str, Any]:
        """The dossier."""
        return canonical_object(self.dossier_artifact.path / DOSSIER)

    @cached_property
    def upstream(self) -> Mapping[str, Artifact]:
        """Artifact of each stage before register, every byte of it read."""
        return {stage: self.artifact(facts["digest"]) for stage, facts in self.dossier["artifacts"].items()}

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The exported events."""
        content = (self.folder / EVENTS).read_bytes()
        require(content.endswith(b"\n"), f"{EVENTS} is cut")
        return tuple(parse_event(line + b"\n") for line in content[:-1].split(b"\n"))

    def artifact(self, digest: str) -> Artifact:
        """A sealed directory of the store, every byte of it read."""
        name = digest.removeprefix("sha256:")
        well_formed = len(name) == 64 and set(name) <= set("0123456789abcdef")
        require(well_formed and digest == f"sha256:{name}", "a digest is malformed")
        return artifacts.verify(store_path(self.workspace / "store", digest), digest)
