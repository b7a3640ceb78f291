"""From a sealed dossier to a registered release: one event, made once, and its export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops import artifacts
from mlops.artifacts import Artifact, read_json, store_path
from mlops.ledger.events import append_once
from mlops.ledger.store import Ledger
from mlops.registry.attestation import export_release
from mlops.registry.dossier import DOSSIER, RELEASABLE, release_id
from mlops.registry.errors import RegistryError
from mlops.registry.signing import SigningKey


def registration_body(release: str, digest: str, dossier: dict[str, Any]) -> dict[str, Any]:
    """Body of the ``registered`` event: what decisions about the release need, copied from the dossier."""
    return {
        "release": release,
        "dossier": digest,
        "verdict": dossier["gate"]["verdict"],
        "owner": dossier["use_case"]["owner"],
        "approval": dossier["approval"],
        "champion": dossier["champion"],
        "adapter": dossier["artifacts"]["train"]["digest"],
        "base_model": dossier["base_model"],
    }


def register_release(
    ledger: Ledger,
    workspace: Path,
    digest: str,
    *,
    key: SigningKey,
    run: str,
    attempt: str | None = None,
    actor: str | None = None,
) -> str:
    """Enter a sealed dossier into the registry and export its proof; may be called any number of times.

    Call it after the ``stage_done`` event of the register stage, also on a hit: the event is made once per release,
    the export is finished if an earlier call was killed before it.

    Args:
        ledger: the live ledger.
        workspace: holds ``store/`` and ``releases/``.
        digest: of the dossier artifact in the store.
        key: signs the export.
        run, attempt, actor: who registers; recorded by the first call only.

    Returns:
        The release's name.

    Raises:
        ArtifactError: the dossier's bytes changed.
        RegistryError: the gate refused the candidate, or an earlier export contradicts the ledger.
    """
    artifact = artifacts.verify(store_path(workspace / "store", digest), digest)
    dossier = _releasable(artifact)
    release = release_id(dossier["use_case"]["name"], digest)
    append_once(
        ledger,
        "registered",
        registration_body(release, digest, dossier),
        once=f"registered:{release}",
        use_case=dossier["use_case"]["name"],
        run=run,
        stage="register",
        attempt=attempt,
        actor=actor,
    )
    export_release(ledger, workspace, release, key=key)
    return release


def _releasable(artifact: Artifact) -> dict[str, Any]:
    dossier: dict[str, Any] = read_json(artifact.path / DOSSIER)
    if dossier["gate"]["verdict"] not in RELEASABLE:
        raise RegistryError(
            "REGISTRY-014",
            "expected a candidate that the gate did not refuse",
            where=str(artifact.path),
            todo="run the pipeline again",
        )
    return dossier
