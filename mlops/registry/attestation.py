"""The proof of a release that can be carried away: two files under ``releases/RELEASE/``.

``attestation.json`` signs the dossier's digest and the ledger's head. ``events.jsonl`` holds the ledger's chain from
its first event to that head. A chain can only be checked whole, so the file also holds the events of other use cases:
names of people, use cases and runs, figures, never a data value. It grows with the ledger, about 1 kB per event.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops.artifacts import canonical_json, storage_error, write_atomic
from mlops.ledger.chain import event_line, verify_chain
from mlops.ledger.events import Event, events
from mlops.ledger.store import Ledger
from mlops.registry.dossier import check_release_name
from mlops.registry.errors import RegistryError
from mlops.registry.signing import SigningKey, head_statement, release_statement, sign

ATTESTATION = "attestation.json"
EVENTS = "events.jsonl"
FORMAT = "mlops-attestation/1"


def export_release(ledger: Ledger, workspace: Path, release: str, *, key: SigningKey) -> Path:
    """Write or renew ``releases/RELEASE/`` as of now; a reader meets the old folder, the new one, or none, never half.

    Nothing is written when no newer event concerns the release. A renewal must continue the chain that was exported
    before, so that a rewritten ledger cannot be signed again.

    Args:
        ledger: the live ledger.
        workspace: holds ``releases/``.
        release: a registered release.
        key: signs; the head's signature binds it to the release.

    Returns:
        The release's folder.

    Raises:
        RegistryError: not registered, the ledger's chain is broken, or it does not continue the earlier export.
        StorageError: the disk refused a write; the earlier export is untouched.
    """
    folder = workspace / "releases" / check_release_name(release)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder.parent):
            _finish_interrupted(folder)
            chain = events(ledger)
            dossier = _registered_dossier(chain, release)
            if problems := verify_chain(chain):
                raise RegistryError(
                    "REGISTRY-020",
                    f"the ledger's chain is broken: {problems[0]}",
                    where=ledger.url,
                    todo="restore the ledger from a backup; nothing was signed",
                )
            if folder.exists() and not _newer_concern(folder, chain, release, dossier, key):
                return folder
            _replace(folder, _attestation(release, dossier, chain[-1], key), chain)
    except OSError as error:
        raise storage_error(error, folder) from error
    return folder


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # freed by the system when the process dies
        yield


def _registered_dossier(chain: Sequence[Event], release: str) -> str:
    for event in chain:
        if event.kind == "registered" and event.body.get("release") == release:
            return str(event.body["dossier"])
    raise RegistryError(
        "REGISTRY-021",
        "expected a registered release, found none of that name in the ledger",
        where=release,
        todo="list the releases: mlops registry list",
    )


def _attestation(release: str, dossier: str, head: Event, key: SigningKey) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "release": release,
        "dossier": dossier,
        "public_key": key.key_id,
        "signature": sign(key, release_statement(release, dossier)),
        "head": {
            "seq": head.seq,
            "digest": head.digest,
            "signature": sign(key, head_statement(release, head.seq, head.digest)),
        },
    }


def concerns(event: Event, release: str, dossier: str) -> bool:
    """Whether an event is about a release: a decision on it, a change from or to it, or its stage's record."""
    body = event.body
    return release in (body.get("release"), body.get("previous")) or body.get("artifact") == dossier


def _newer_concern(folder: Path, chain: Sequence[Event], release: str, dossier: str, key: SigningKey) -> bool:
    """Whether the export must be renewed; refuses when the ledger does not continue what was exported."""
    try:
        attested = (folder / ATTESTATION).read_bytes()
        found = json.loads(attested)
        seq, signer = int(found["head"]["seq"]), found["public_key"]
        exported = (folder / EVENTS).read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        raise _contradiction(folder) from None
    if not 0 < seq <= len(chain) or exported != b"".join(map(event_line, chain[:seq])):
        raise _contradiction(folder)
    if signer != key.key_id:
        return True  # another key signed: sign the same history with this one
    if attested != canonical_json(_attestation(release, dossier, chain[seq - 1], key)):
        raise _contradiction(folder)
    return any(concerns(event, release, dossier) for event in chain[seq:])


def _contradiction(folder: Path) -> RegistryError:
    return RegistryError(
        "REGISTRY-022",
        "expected the ledger to continue the earlier export, found that one of the two was changed",
        where=str(folder),
        todo="run mlops verify on the release; keep both, find out which one was changed, then move the export aside",
    )


def _replace(folder: Path, attestation: dict[str, Any], chain: Sequence[Event]) -> None:
    """Put a complete folder in place by renames; ``.NAME.previous`` exists only between the two of a renewal."""
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.fresh-", dir=folder.parent))
    os.chmod(fresh, 0o755)
    write_atomic(fresh / EVENTS, b"".join(map(event_line, chain)))
    write_atomic(fresh / ATTESTATION, canonical_json(attestation))
    previous = _previous(folder)
    if folder.exists():
        os.rename(folder, previous)
    os.rename(fresh, folder)
    _sync_directory(folder.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _finish_interrupted(folder: Path) -> None:
    """Tidy what a killed export left: go back to the old folder when the new one was not in place yet."""
    previous = _previous(folder)
    if previous.exists() and not folder.exists():
        os.rename(previous, folder)
    shutil.rmtree(previous, ignore_errors=True)
    for fresh in folder.parent.glob(f".{folder.name}.fresh-*"):
        shutil.rmtree(fresh, ignore_errors=True)


def _sync_directory(directory: Path) -> None:
    """Flush a directory's entries, so that a rename in it survives a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
