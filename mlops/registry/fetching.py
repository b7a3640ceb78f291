"""A release's artifacts brought here from the remotes, where this store lacks them."""

from __future__ import annotations

from mlops.artifacts import ArtifactError, read_json, store_path
from mlops.ledger.events import events
from mlops.ledger.store import Ledger
from mlops.registry.dossier import DOSSIER
from mlops.registry.state import KINDS, releases
from mlops.remotes import fetch_missing
from mlops.settings import Settings


def fetch_release(settings: Settings, ledger: Ledger, release: str) -> tuple[str, ...]:
    """Fetch a release's dossier and every artifact that it names.

    A name that was never registered, or a damaged dossier, is left to the caller's own checks.

    Returns:
        The digests of what was fetched.

    Raises:
        MlopsError: as :func:`mlops.remotes.fetch_missing`.
    """
    found = releases(events(ledger, kinds=KINDS)).get(release)
    if found is None:
        return ()
    fetched = fetch_missing(settings, ledger, [found.dossier])
    try:
        dossier = read_json(store_path(settings.store, found.dossier) / DOSSIER)
        named = [str(facts["digest"]) for facts in dossier["artifacts"].values()]
    except (ArtifactError, AttributeError, KeyError, TypeError):
        return fetched
    return (*fetched, *fetch_missing(settings, ledger, named))
