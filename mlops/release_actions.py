"""What follows a sealed dossier: the release enters the registry, and becomes champion where the use case says so."""

from __future__ import annotations

from dataclasses import dataclass

from mlops.errors import MlopsError
from mlops.ledger.events import events
from mlops.ledger.store import Ledger
from mlops.registry.actions import Desk, promote_release
from mlops.registry.champion_file import follow_champion
from mlops.registry.dossier import release_id
from mlops.registry.fetching import fetch_release
from mlops.registry.registration import register_release
from mlops.registry.signing import load_or_create_key
from mlops.registry.state import KINDS, champion, history, releases, standing
from mlops.registry.verification import VerifyReport, verify_release
from mlops.runs import Run, RunError, stage_results
from mlops.settings import Settings
from mlops.use_case import Declaration


@dataclass(frozen=True)
class Promotion:
    """What became of a run's release.

    Attributes:
        release: its name.
        said: in words.
        next_steps: commands to go on with.
        error: why a promotion that was due was refused, or None.
    """

    release: str
    said: str
    next_steps: tuple[str, ...]
    error: MlopsError | None = None


def enter_release(settings: Settings, ledger: Ledger, run: Run, dossier: str) -> str:
    """Register the dossier artifact of digest ``dossier`` and export its proof; idempotent. Returns the release."""
    key = load_or_create_key(settings.signing_key_file, settings.trusted_keys_folder)
    return register_release(ledger, settings.work, dossier, key=key, run=run.id)


def promote_if_due(settings: Settings, declaration: Declaration, ledger: Ledger, run: Run) -> Promotion:
    """Promote the run's release when the use case says automatic and nobody's approval is missing.

    Raises:
        RunError: the run registered nothing.
        MlopsError: an artifact of the release is not here and cannot be fetched.
    """
    use_case = declaration.use_case
    digest = stage_results(ledger, run.id).get("register", {}).get("artifact")
    if digest is None:
        raise RunError("RUN-005", "this run registered no release", where=run.id, todo="run the pipeline to its end")
    release = release_id(use_case.name, str(digest))
    fetch_release(settings, ledger, release)
    registry = events(ledger, kinds=KINDS)
    known = releases(registry)[release]
    show, undo = f"mlops registry show {release}", f"mlops registry rollback {use_case.name} --reason WHY"
    promote = f"mlops registry promote {release}"
    if champion(registry, use_case.name) == release:
        follow_champion(settings, ledger, use_case.name)
        return Promotion(release, "champion already", (show, undo))
    if known.rejections:
        return Promotion(release, "registered, and rejected by a person: it can never be promoted", (show,))
    if standing(known, history(registry, use_case.name)) == "rolled_back":
        return Promotion(release, "rolled back by a person, who alone may promote it again", (show, promote))
    if not known.is_approved:
        ask = f"mlops registry approve {release} --approver NAME --statement WHY"
        return Promotion(release, "registered, waits for approval", (ask, promote))
    if not use_case.promotion.automatic:
        return Promotion(release, "registered", (promote, show))
    key = load_or_create_key(settings.signing_key_file, settings.trusted_keys_folder)
    desk = Desk(ledger, settings.work, settings.root, settings.trusted_keys_folder, key)
    try:
        promote_release(desk, release, expected_champion=known.compared_with, run=run.id)
    except MlopsError as error:
        return Promotion(release, f"registered, not promoted: {error}", (show, promote), error)
    follow_champion(settings, ledger, use_case.name)
    return Promotion(release, "promoted: it is the champion now", (show, undo))


def verify_here(settings: Settings, ledger: Ledger, release: str) -> VerifyReport:
    """Verify a registered release on this machine, whichever one made it.

    What it consists of is fetched, and its proof is exported, where this workspace lacks them.

    Raises:
        MlopsError: an artifact cannot be fetched, or the ledger does not continue an earlier export.
    """
    fetch_release(settings, ledger, release)
    key = load_or_create_key(settings.signing_key_file, settings.trusted_keys_folder)
    Desk(ledger, settings.work, settings.root, settings.trusted_keys_folder, key).export(release)
    return verify_release(
        settings.work, release, root=settings.root, trusted=settings.trusted_keys_folder, ledger=ledger
    )
