"""DVC, used in-process: add and push folders, prove that they arrived, fetch objects by digest.

A repository here is a folder of one run with a ``.dvc/config`` of our own and without git. It reads no configuration
of the user or the system, writes nothing outside of the workspace, and sends nothing to anybody but the remote.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlops.artifacts import storage_error, write_atomic
from mlops.errors import MlopsError, RetryableError

LOCK_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between two tries at a locked repository, on top of the three that DVC itself waits each time."""

_MD5 = re.compile(r"[0-9a-f]{32}")
_CHUNK = 1 << 20


class RemoteError(MlopsError):
    """A remote is not configured, cannot be used, or does not hold what it should."""


class RemoteUnavailableError(RetryableError):
    """A remote or a repository could not be used now; it may be later."""


@dataclass(frozen=True)
class Remote:
    """A DVC remote: ``raw`` or ``clean``, and its URL (a folder, ``s3://…``)."""

    name: str
    url: str


@dataclass(frozen=True)
class Tracked:
    """A path under DVC.

    Attributes:
        digest: its MD5 (``….dir`` for a folder), by which it can be pulled.
        objects: size in bytes of each object behind it, by digest.
    """

    digest: str
    objects: dict[str, int]


def add_and_push(folder: Path, cache: Path, remote: Remote, paths: Sequence[Path]) -> tuple[Tracked, ...]:
    """Add paths to the repository at ``folder``, push them, and ask the remote for every object.

    Returns:
        One entry for each path, in order.

    Raises:
        RemoteError: an object in the remote is missing or has other bytes.
        RemoteUnavailableError: the repository stayed locked, the remote refused, or the cache was damaged.
    """
    with _repository(folder, cache, remote) as repository:
        stages = _patiently(folder, lambda: repository.add([str(path) for path in paths]))
        found = tuple(_tracked(stage.outs[0]) for stage in stages)
        objects = {digest: size for tracked in found for digest, size in tracked.objects.items()}
        _check_cache(repository, objects)
        _patiently(
            folder, lambda: repository.push(targets=[stage.path for stage in stages], remote=remote.name, jobs=4)
        )
        check_objects(repository.cloud.get_remote_odb(remote.name), objects)
    return found


def check_pushed(folder: Path, cache: Path, remote: Remote, tracked: Sequence[Tracked]) -> None:
    """Ask the remote again for objects that were pushed earlier.

    Raises:
        RemoteError: one is missing or has other bytes.
    """
    with _repository(folder, cache, remote) as repository:
        odb = repository.cloud.get_remote_odb(remote.name)
        check_objects(odb, {digest: size for each in tracked for digest, size in each.objects.items()})


def fetch(folder: Path, remote: Remote, digests: Mapping[str, str]) -> dict[str, dict[str, Path]]:
    """Fetch from a remote into a cache of ``folder``'s own; nothing of what came is to be trusted yet.

    Args:
        folder: fresh and empty.
        digests: DVC digest of each wanted path by a name of the caller's.

    Returns:
        For each name the objects' files by relative path; a single file has the path ``""``.

    Raises:
        RemoteError: the remote lacks an object, or a listing in it is not what the digest says.
        RemoteUnavailableError: the remote could not be reached.
    """
    from dvc.exceptions import DownloadError

    with _repository(folder, folder / ".dvc" / "cache", remote) as repository:
        for name, digest in digests.items():
            entry = {"outs": [{"md5": digest, "hash": "md5", "path": name}]}
            (folder / f"{name}.dvc").write_text(json.dumps(entry))  # JSON is YAML
        targets = [str(folder / f"{name}.dvc") for name in digests]
        with suppress(DownloadError):  # says how many objects, not why: the remote is asked for each that is not here
            _patiently(folder, lambda: repository.fetch(targets=targets, remote=remote.name, jobs=4))
        odb = repository.cloud.get_remote_odb(remote.name)
        cache = repository.cache.local
        return {name: _fetched(cache, odb, remote, digest) for name, digest in digests.items()}


def check_objects(odb: Any, objects: Mapping[str, int]) -> None:
    """Every object is in the remote with its size; in a folder that we can read, with its bytes too.

    Raises:
        RemoteError: one is missing or differs.
    """
    for digest, size in objects.items():
        path = odb.oid_to_path(digest)
        try:
            found = int(odb.fs.info(path)["size"])
        except FileNotFoundError:
            raise _not_as_pushed(digest, "it is missing") from None
        if found != size:
            raise _not_as_pushed(digest, f"it has {found} bytes instead of {size}")
        if odb.fs.protocol == "local" and _md5(Path(path)) != digest.removesuffix(".dir"):
            raise _not_as_pushed(digest, "its bytes are others")


def _not_as_pushed(digest: str, what: str) -> RemoteError:
    return RemoteError(
        "REMOTE-001",
        f"expected the object in the remote as it was pushed, but {what}",
        where=digest,
        todo="find out who writes to the remote, remove the object there, then: mlops data push RUN",
    )


@contextmanager
def _repository(folder: Path, cache: Path, remote: Remote) -> Iterator[Any]:
    """The DVC repository of a folder; what DVC and the system raise becomes an error of ours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / ".dvc" / "config", _config(folder, cache, remote).encode())
    except OSError as error:
        raise storage_error(error, folder) from error
    from dvc.exceptions import DownloadError, DvcException, UploadError
    from dvc.repo import Repo
    from dvc_objects.errors import ObjectFormatError

    with _alone(folder):
        try:
            with Repo(str(folder)) as repository:
                yield repository
        except (DownloadError, UploadError) as error:
            raise _unavailable(remote, f"{error.amount} object(s) could not be transferred") from error
        except DvcException as error:
            raise RemoteError(
                "REMOTE-002",
                f"DVC refused: {error}",
                where=remote.url,
                todo=f"correct MLOPS_REMOTE_{remote.name.upper()}",
            ) from error
        except (FileNotFoundError, ObjectFormatError) as error:
            raise _lost(remote) from error
        except MlopsError:
            raise
        except Exception as error:  # each kind of storage has its own; their texts may quote anything
            raise _unavailable(remote, getattr(error, "strerror", None) or type(error).__name__) from error


def _lost(remote: Remote, digest: str = "") -> RemoteError:
    return RemoteError(
        "REMOTE-008",
        "the remote does not hold an object that was pushed to it, or holds another in its place",
        where=f"{remote.url} {digest}".strip(),
        todo="restore the remote, or push again from where the artifact still is: mlops data push RUN",
    )


def _unavailable(remote: Remote, what: str) -> RemoteUnavailableError:
    return RemoteUnavailableError(
        "REMOTE-003",
        f"the {remote.name} remote could not be used ({what})",
        where=remote.url,
        todo="make it reachable and writable, then run again: what was finished is kept",
    )


def _config(folder: Path, cache: Path, remote: Remote) -> str:
    lines = (
        "[core]",
        "    no_scm = True",
        "    analytics = false",
        "    check_update = false",
        f"    site_cache_dir = {folder / '.dvc' / 'site'}",
        f"    remote = {remote.name}",
        "[cache]",
        f"    dir = {cache}",
        "    type = reflink,hardlink,copy",
        f"['remote \"{remote.name}\"']",
        f"    url = {remote.url}",
        "",
    )
    return "\n".join(lines)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """DVC's own settings of the user and the machine do not count, and nothing is reported to its makers."""
    nowhere = str(folder / ".dvc" / "none")
    own = {
        "DVC_NO_ANALYTICS": "1",
        "DVC_STUDIO_OFFLINE": "1",
        "DVC_GLOBAL_CONFIG_DIR": nowhere,
        "DVC_SYSTEM_CONFIG_DIR": nowhere,
        "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "site"),
    }
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    loggers = [logging.getLogger(name) for name in ("dvc", "dvc_data", "dvc_objects")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)  # it logs tracebacks of what it then raises, or we find out
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _patiently(folder: Path, action: Callable[[], Any]) -> Any:
    """Do it, waiting longer each time while another process holds DVC's lock."""
    from dvc.lock import LockError
    from dvc.rwlock import RWLockFileCorruptedError, RWLockFileFormatError

    for wait in (*LOCK_WAITS, None):
        try:
            return action()
        except (RWLockFileCorruptedError, RWLockFileFormatError):
            # A process was killed while DVC wrote this list of who reads what; the real lock is another file.
            (folder / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
        except LockError:
            if wait is None:
                break
            time.sleep(wait * random.uniform(0.8, 1.2))
    raise RemoteUnavailableError(
        "REMOTE-004",
        "the DVC repository stayed locked by another process",
        where=str(folder),
        todo="wait for that process or stop it, then run again",
    )


def _tracked(out: Any) -> Tracked:
    value = str(out.hash_info.value)
    if not value.endswith(".dir"):
        return Tracked(value, {value: int(out.meta.size)})
    tree = out.get_obj()
    objects = {str(info.value): int(meta.size) for _key, (meta, info) in tree.iteritems()}
    return Tracked(value, {**objects, value: len(tree.as_bytes())})


def _check_cache(repository: Any, objects: Mapping[str, int]) -> None:
    """What is about to be pushed is what was added: DVC itself takes a read-only object at its word."""
    cache = repository.cache.local
    damaged = [digest for digest in objects if _md5(Path(cache.oid_to_path(digest))) != digest.removesuffix(".dir")]
    for digest in damaged:
        Path(cache.oid_to_path(digest)).unlink()
    if damaged:
        raise RemoteUnavailableError(
            "REMOTE-005",
            f"{len(damaged)} object(s) in DVC's cache had other bytes than their digest says",
            where=damaged[0],
            todo="check the disk, then run again: they were removed and are made again",
        )


def _fetched(cache: Any, odb: Any, remote: Remote, digest: str) -> dict[str, Path]:
    first = _object(cache, odb, remote, digest)
    if not digest.endswith(".dir"):
        return {"": first}
    if _md5(first) != digest.removesuffix(".dir"):
        raise _lost(remote, digest)
    entries = {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(first.read_bytes())}
    for relative, md5 in entries.items():
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts or not _MD5.fullmatch(md5):
            raise _lost(remote, digest)
    return {relative: _object(cache, odb, remote, md5) for relative, md5 in entries.items()}


def _object(cache: Any, odb: Any, remote: Remote, digest: str) -> Path:
    """An object in the cache; one that DVC did not bring is asked for once more, which also says why it did not."""
    path = Path(cache.oid_to_path(digest))
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            odb.fs.get_file(odb.oid_to_path(digest), str(path))
        except FileNotFoundError:
            raise _lost(remote, digest) from None
    return path


def _md5(path: Path) -> str:
    hasher = hashlib.md5(usedforsecurity=False)  # DVC's name of the content; what is trusted is checked by SHA-256
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_CHUNK):
                hasher.update(piece)
    except FileNotFoundError:
        return ""
    return hasher.hexdigest()
