"""What people and pipelines do with a release: decide in the ledger, then renew the proof on disk.

Each action may be repeated after a crash: the decision is made once, the export is finished.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import MlopsError
from mlops.ledger.events import events
from mlops.ledger.store import Ledger
from mlops.registry import promotion
from mlops.registry.attestation import export_release
from mlops.registry.errors import RegistryError
from mlops.registry.signing import SigningKey
from mlops.registry.state import KINDS, champion, releases
from mlops.registry.verification import VerifyReport, verify_release

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """Where decisions are made: the ledger, the folders and the keys.

    Attributes:
        ledger: the live ledger.
        workspace: holds ``store/`` and ``releases/``.
        root: the checkout.
        trusted: folder of trusted public keys.
        key: signs the exports.
    """

    ledger: Ledger
    workspace: Path
    root: Path
    trusted: Path
    key: SigningKey

    def export(self, release: str) -> Path:
        """Renew a release's exported proof."""
        return export_release(self.ledger, self.workspace, release, key=self.key)


def approve_release(desk: Desk, release: str, *, approver: str, statement: str, role: str | None = None) -> bool:
    """Record a yes and renew the proof; the owner and the trigger are taken from the ledger.

    Returns:
        Whether it was recorded now.

    Raises:
        RegistryError: as ``promotion.approve``.
    """
    _, fresh = promotion.approve(
        desk.ledger, release, approver=approver, statement=statement, triggered_by=None, owner=None, role=role
    )
    desk.export(release)
    return fresh


def reject_release(desk: Desk, release: str, *, approver: str, statement: str, role: str | None = None) -> bool:
    """Record a no, which is final, and renew the proof.

    Returns:
        Whether it was recorded now.

    Raises:
        RegistryError: as ``promotion.reject``.
    """
    _, fresh = promotion.reject(
        desk.ledger, release, approver=approver, statement=statement, triggered_by=None, owner=None, role=role
    )
    desk.export(release)
    return fresh


def promote_release(
    desk: Desk,
    release: str,
    *,
    expected_champion: str | None,
    run: str | None = None,
    actor: str | None = None,
) -> bool:
    """Verify a release from source to approver, make it champion, and renew the proofs that this touches.

    Args:
        desk: ledger, folders, keys.
        release: a registered release.
        expected_champion: the champion that the decision was made against.
        run, actor: as ``promotion.promote``.

    Returns:
        Whether the champion changed now.

    Raises:
        RegistryError: the release does not verify, lacks approval, or the champion moved; nothing is recorded.
    """
    desk.export(release)
    report = verify_release(desk.workspace, release, root=desk.root, trusted=desk.trusted, ledger=desk.ledger)
    _require_verified(report)
    use_case = releases(events(desk.ledger, kinds=KINDS))[release].use_case
    event, fresh = promotion.promote(
        desk.ledger, use_case, release, expected_champion=expected_champion, actor=actor, run=run
    )
    for touched in (release, event.body["previous"]):
        if touched is not None:
            desk.export(touched)
    return fresh


def _require_verified(report: VerifyReport) -> None:
    failed = [check for check in report.checks if not check.ok]
    if failed:
        raise RegistryError(
            "REGISTRY-061",
            f"expected a release that verifies, found {len(failed)} failed check(s): "
            f"{failed[0].name}: {failed[0].detail}",
            where=report.release,
            todo=f"see all of them: mlops verify {report.release}",
        )


def rollback_release(
    desk: Desk,
    use_case: str,
    *,
    reason: str,
    to: str | None = None,
    run: str | None = None,
    actor: str | None = None,
) -> str:
    """Return to an earlier champion and renew the proofs that this touches.

    Nothing is verified first, and a proof that cannot be renewed is a warning: what serves comes before its papers.

    Returns:
        The release that serves now.

    Raises:
        RegistryError: as ``promotion.rollback``.
    """
    before = champion(events(desk.ledger, use_case=use_case), use_case)
    now = promotion.rollback(desk.ledger, use_case, actor=actor, reason=reason, to=to, run=run)
    for touched in (now, before):
        if touched is not None:
            _renew_or_warn(desk, touched)
    return now


def _renew_or_warn(desk: Desk, release: str) -> None:
    try:
        desk.export(release)
    except MlopsError as error:
        log.warning("rolled back, but the proof of %s was not renewed: %s", release, error)
