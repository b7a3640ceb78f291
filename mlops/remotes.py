"""Sealed artifacts in DVC remotes: pushed after they were committed, fetched by digest where the store lacks them.

The ledger says what lies where: each ``artifact_pushed`` event names an artifact and its DVC digests. What a stage of
the ``raw`` remote made is encrypted before DVC sees it. Nothing that comes back is trusted before its sealed digest
was recomputed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.artifacts import (
    MANIFEST,
    MEASUREMENTS,
    Artifact,
    digest_file,
    publish,
    storage_error,
    store_path,
    verify,
)
from mlops.dvc_repository import Remote, RemoteError, Tracked, add_and_push, fetch
from mlops.encryption import RawKey, create_key, decrypt_file, encrypt_file, load_key
from mlops.ledger.events import append_once, newest_with
from mlops.ledger.store import Ledger
from mlops.pipeline import stage_named
from mlops.settings import Settings

PUSHED = "artifact_pushed"
RAW, CLEAN = "raw", "clean"


@dataclass(frozen=True)
class Pushed:
    """Where an artifact lies: the body of its ``artifact_pushed`` event."""

    artifact: str
    remote: str
    folder: str
    measurements: str
    key_id: str | None


def remote_named(settings: Settings, name: str) -> Remote | None:
    """The configured remote ``raw`` or ``clean``; a folder's relative path is taken from the checkout."""
    url = settings.remote_raw if name == RAW else settings.remote_clean
    if not url:
        return None
    return Remote(name, url if "://" in url else str(settings.root / url))


def remote_of(manifest: Mapping[str, Any]) -> str:
    """The remote in which an artifact belongs: that of its stage.

    A blocked output of the stage that reads raw rows and was to clean them is still raw: what blocked it may be in it.
    """
    stage = stage_named(str(manifest["stage"]))
    reads_raw = any(stage_named(name).remote == RAW for name in stage.inputs)
    return RAW if reads_raw and manifest.get("outcome") == "blocked" else stage.remote


def pushed(ledger: Ledger, digest: str) -> Pushed | None:
    """Where the ledger says that an artifact lies, or None."""
    event = newest_with(ledger, PUSHED, None, f'"artifact":"{digest}"')
    if event is None:
        return None
    body = event.body
    dvc = body["dvc"]
    return Pushed(digest, body["remote"], dvc["artifact"], dvc["measurements"], body.get("key_id"))


def push_artifact(
    settings: Settings, ledger: Ledger, artifact: Artifact, names: Mapping[str, str], *, again: bool = False
) -> bool:
    """Push a published artifact to the remote of its stage, prove that it arrived, and record it once.

    Args:
        names: event columns; ``run`` and ``stage`` also place the DVC repository.
        again: push and check also what the ledger says was pushed.

    Returns:
        Whether anything was pushed or checked: False without such a remote, or when it was pushed before.

    Raises:
        EncryptionError: the key of the raw remote is missing, exposed or not the one in use.
        RemoteError: the remote cannot be used as configured, or what it holds is not what was pushed.
        RemoteUnavailableError: the remote, or DVC's lock, could not be had.
        StorageError: the disk refused.
    """
    remote = remote_named(settings, remote_of(artifact.manifest))
    if remote is None or (not again and pushed(ledger, artifact.digest) is not None):
        return False
    key = _key_to_push(settings, ledger, remote) if remote.name == RAW else None
    repository = settings.dvc / "runs" / names["run"] / remote.name
    place = repository / names["stage"]
    try:
        _lay_out(artifact, place, key)
        paths = [place / "artifact", place / MEASUREMENTS]
        folder, measurements = add_and_push(repository, settings.dvc / "cache", remote, paths)
        for path in paths:  # what stays are the two .dvc files
            _remove(path)
    except OSError as error:
        raise storage_error(error, place) from error
    _record(ledger, artifact, remote, (folder, measurements), key, names)
    return True


def _record(
    ledger: Ledger,
    artifact: Artifact,
    remote: Remote,
    found: tuple[Tracked, Tracked],
    key: RawKey | None,
    names: Mapping[str, str],
) -> None:
    folder, measurements = found
    body = {
        "artifact": artifact.digest,
        "remote": remote.name,
        "dvc": {"artifact": folder.digest, "measurements": measurements.digest},
        "files": len(artifact.manifest["files"]) + 2,  # with the manifest and the measurements
        "bytes": sum(size for tracked in found for size in tracked.objects.values()),
        **({"key_id": key.key_id} if key else {}),
    }
    once = f"{PUSHED}/{remote.name}/{artifact.digest}/{folder.digest}/{measurements.digest}"
    append_once(ledger, PUSHED, body, once=once, **names)


def _key_to_push(settings: Settings, ledger: Ledger, remote: Remote) -> RawKey:
    """The key of the raw remote; made when nothing was ever pushed there, so that there is one key and no second."""
    path = settings.raw_key_file
    beside = next((it for it in (str(settings.store), remote.url) if path.resolve().is_relative_to(it)), None)
    if beside is not None:
        raise RemoteError(
            "REMOTE-014",
            "expected the key of the raw remote away from what it protects, found it inside",
            where=str(path),
            todo=f"move it out of {beside} and set MLOPS_RAW_KEY",
        )
    used = newest_with(ledger, PUSHED, None, '"remote":"raw"')
    if used is None and not path.exists():
        create_key(path)
    key = load_key(path)
    if used is not None and used.body["key_id"] != key.key_id:
        raise RemoteError(
            "REMOTE-010",
            f"expected {used.body['key_id']}, under which the raw remote is encrypted, found {key.key_id}",
            where=str(path),
            todo="copy that key here from the machine that pushed first, or from its backup",
        )
    return key


def _lay_out(artifact: Artifact, place: Path, key: RawKey | None) -> None:
    """Put what is to be pushed into the repository: links to the sealed files, or encrypted copies."""
    shutil.rmtree(place, ignore_errors=True)
    for name in (MANIFEST, *artifact.manifest["files"]):
        _bring_in(artifact.path / name, place / "artifact" / name, name, key)
    _bring_in(artifact.path / MEASUREMENTS, place / MEASUREMENTS, MEASUREMENTS, key)


def _bring_in(source: Path, target: Path, name: str, key: RawKey | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if key is not None:
        encrypt_file(source, target, name, key)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def fetch_missing(settings: Settings, ledger: Ledger, digests: Iterable[str]) -> tuple[str, ...]:
    """Bring into the store what it lacks and a remote has.

    What was never pushed is left to the caller, who meets its absence where artifacts are verified.

    Returns:
        The digests of what was fetched.

    Raises:
        RemoteError: a remote that is needed is not configured, lacks the artifact, or holds something else.
        EncryptionError: the key of the raw remote is missing or another one, or a sealed file was changed.
        RemoteUnavailableError: the remote could not be reached.
    """
    missing = [digest for digest in dict.fromkeys(digests) if not _is_here(settings, digest)]
    return tuple(digest for digest in missing if fetch_artifact(settings, ledger, digest))


def _is_here(settings: Settings, digest: str) -> bool:
    return (store_path(settings.store, digest) / MANIFEST).is_file()


def fetch_artifact(settings: Settings, ledger: Ledger, digest: str) -> bool:
    """Fetch one artifact into the store, in place of a damaged one; False when it was never pushed.

    Raises:
        MlopsError: as :func:`fetch_missing`.
    """
    place = pushed(ledger, digest)
    if place is None:
        return False
    remote = _remote_to_fetch(settings, place)
    key = load_key(settings.raw_key_file) if remote.name == RAW else None
    try:
        settings.dvc.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=settings.dvc) as temporary:
            folder = Path(temporary)
            wanted = {"artifact": place.folder, "measurements": place.measurements}
            found = fetch(folder / "repository", remote, wanted)
            output = folder / "output"
            output.mkdir(mode=0o700 if remote.name == RAW else 0o777)
            files = {**found["artifact"], MEASUREMENTS: found["measurements"][""]}
            for name, source in files.items():
                _bring_out(source, output / name, name, key)
            artifact = verify(output, digest)
            _check_measurements(ledger, output, digest)
            publish(artifact, settings.store)
    except OSError as error:
        raise storage_error(error, settings.dvc) from error
    return True


def _remote_to_fetch(settings: Settings, place: Pushed) -> Remote:
    remote = remote_named(settings, place.remote)
    if remote is None:
        raise RemoteError(
            "REMOTE-011",
            f"the artifact is not in this store, it lies in the {place.remote} remote, which this process may not use",
            where=place.artifact,
            todo=f"set MLOPS_REMOTE_{place.remote.upper()}, or run this where that remote may be read",
        )
    return remote


def _bring_out(source: Path, target: Path, name: str, key: RawKey | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if key is not None:
        decrypt_file(source, target, name, key)
    else:
        shutil.copyfile(source, target)  # the same object may stand behind several names
    with target.open("rb") as stream:
        os.fsync(stream.fileno())


def _check_measurements(ledger: Ledger, output: Path, digest: str) -> None:
    """The measurements are outside the sealed digest; the ledger recorded theirs when the artifact was made."""
    found = digest_file(output / MEASUREMENTS)
    if newest_with(ledger, "stage_done", None, f'"artifact":"{digest}"', f'"measurements":"{found}"') is None:
        raise RemoteError(
            "REMOTE-012",
            "the measurements in the remote are not those that the ledger recorded",
            where=digest,
            todo="restore the remote from a backup and find out who wrote to it",
        )
