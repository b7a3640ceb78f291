"""Sealed directories: digest, manifest, seal, verify, atomic write.

An artifact is a directory whose ``manifest.json`` lists the SHA-256 of every other file. The artifact's digest is the
SHA-256 of the manifest's bytes, so it fixes all of them. ``measurements.json`` (times, host, cost) is the one file
that lies beside the manifest and outside the digest. What is not sealed does not exist.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, RetryableError

MANIFEST = "manifest.json"
MEASUREMENTS = "measurements.json"
_CHUNK = 1 << 20


class ArtifactError(MlopsError):
    """A sealed directory is not what its digest says."""


class StorageError(RetryableError):
    """The disk is full, read-only or gone: nothing half-written was kept."""


@dataclass(frozen=True)
class Artifact:
    """A sealed directory.

    Attributes:
        digest: ``sha256:`` and 64 hex digits, of the manifest's bytes.
        path: the directory.
        manifest: the parsed manifest; ``manifest["files"]`` maps relative POSIX paths to digests.
    """

    digest: str
    path: Path
    manifest: dict[str, Any]


def canonical_json(value: Any) -> bytes:
    """Serialise to the one byte form that is hashed and compared: sorted keys, no spaces, UTF-8, final newline.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<64 hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes as ``sha256:<64 hex>``, read in 1 MiB pieces."""
    hasher = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while piece := stream.read(_CHUNK):
            hasher.update(piece)
    return "sha256:" + hasher.hexdigest()


def read_json(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
        ArtifactError: the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise ArtifactError(
            "ARTIFACT-001", "expected a file, found none", where=str(path), todo="run the stage again"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ArtifactError(
            "ARTIFACT-002", "expected JSON, found something else", where=str(path), todo="restore it or run again"
        ) from None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def storage_error(error: OSError, path: Path) -> StorageError:
    """Turn an operating-system error on ``path`` into a message a person can act on."""
    return StorageError(
        "ARTIFACT-003",
        f"could not write ({error.strerror or type(error).__name__})",
        where=str(path),
        todo="free space or make the folder writable, then run again: nothing half-written was kept",
    )


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a reader sees the old bytes or the new ones, also across a crash.

    Raises:
        StorageError: the folder is not writable or the disk is full; the old file is untouched.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise storage_error(error, path) from error


def _payload(directory: Path) -> list[Path]:
    """All payload files, sorted; refuses what a digest could not cover: links, dotfiles, devices."""
    files: list[Path] = []
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_symlink() or any(part.startswith(".") for part in relative.parts):
            raise ArtifactError(
                "ARTIFACT-004", "links and dotfiles are not allowed in an artifact", where=str(path), todo="remove it"
            )
        if path.is_dir():
            continue
        if not path.is_file():
            raise ArtifactError("ARTIFACT-005", "expected a regular file", where=str(path), todo="remove it")
        if relative.as_posix() not in (MANIFEST, MEASUREMENTS):
            files.append(path)
    return files


def seal(directory: Path, manifest: Mapping[str, Any]) -> Artifact:
    """Write ``manifest.json`` over the files in ``directory`` and flush everything to disk.

    Args:
        directory: holds the payload; must not contain links or dotfiles.
        manifest: deterministic facts only (key, seeds, contract digests); times and hosts belong to measurements.

    Raises:
        ArtifactError: the directory holds something a digest cannot cover.
        StorageError: the disk refused a write.
    """
    directory = Path(directory)
    files = {}
    try:
        os.stat(directory)  # a folder that was removed is no empty payload
        for path in _payload(directory):
            files[path.relative_to(directory).as_posix()] = digest_file(path)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    except OSError as error:
        raise storage_error(error, directory) from error
    content = canonical_json({**manifest, "files": files})
    write_atomic(directory / MANIFEST, content)
    return Artifact(digest_bytes(content), directory, json.loads(content))


def verify(directory: Path, digest: str | None = None) -> Artifact:
    """Re-read every byte of a sealed directory.

    Args:
        directory: a directory written by :func:`seal`.
        digest: the expected digest; ``None`` accepts whichever consistent artifact lies there.

    Raises:
        ArtifactError: no manifest, a changed, missing or additional file, a link, or another digest.
    """
    directory = Path(directory)
    where = str(directory)
    manifest = read_json(directory / MANIFEST)
    content = (directory / MANIFEST).read_bytes()
    found = digest_bytes(content)
    todo = "restore the artifact from its remote, or run the stage again"
    if digest is not None and found != digest:
        raise ArtifactError("ARTIFACT-006", f"expected digest {digest}, found {found}", where=where, todo=todo)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise ArtifactError("ARTIFACT-007", "the manifest names no files", where=where, todo=todo)
    present = {path.relative_to(directory).as_posix(): path for path in _payload(directory)}
    expected = manifest["files"]
    if missing := sorted(set(expected) - set(present)):
        raise ArtifactError("ARTIFACT-008", f"{len(missing)} file(s) missing: {missing[0]}", where=where, todo=todo)
    if extra := sorted(set(present) - set(expected)):
        raise ArtifactError("ARTIFACT-009", f"{len(extra)} unlisted file(s): {extra[0]}", where=where, todo=todo)
    for name, path in present.items():
        if digest_file(path) != expected[name]:
            raise ArtifactError("ARTIFACT-010", f"the bytes of {name} changed", where=where, todo=todo)
    return Artifact(found, directory, manifest)


def store_path(store: Path, digest: str) -> Path:
    """Where an artifact lies in a store: ``STORE/<first 2 hex>/<64 hex>``."""
    name = digest.removeprefix("sha256:")
    return Path(store) / name[:2] / name


def publish(artifact: Artifact, store: Path) -> tuple[Artifact, bool]:
    """Move a sealed directory into the store by one rename; an artifact already there wins.

    The directory must lie on the store's file system. A copy in the store that no longer verifies (a flipped bit on
    disk) is replaced, which is safe because the content is fixed by the digest.

    Returns:
        The artifact in the store, and whether this call brought it there.

    Raises:
        StorageError: the disk refused.
    """
    target = store_path(store, artifact.digest)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            if _intact(target, artifact.digest):
                shutil.rmtree(artifact.path)
                return Artifact(artifact.digest, target, artifact.manifest), False
            grave = Path(tempfile.mkdtemp(prefix=".damaged.", dir=target.parent))
            os.rename(target, grave / "artifact")
        os.rename(artifact.path, target)
        _sync_directory(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    return Artifact(artifact.digest, target, artifact.manifest), True


def _intact(directory: Path, digest: str) -> bool:
    try:
        verify(directory, digest)
    except (ArtifactError, OSError):
        return False
    return True
