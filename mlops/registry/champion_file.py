"""``champions/USE_CASE.dvc``: the champion's adapter by digest, for `dvc pull` and for a history in git."""

from __future__ import annotations

import json
import logging
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mlops.artifacts import write_atomic
from mlops.errors import MlopsError
from mlops.ledger.events import events
from mlops.ledger.store import Ledger
from mlops.registry.errors import RegistryError
from mlops.registry.state import KINDS, champion, releases
from mlops.remotes import CLEAN, pushed
from mlops.settings import Settings

FOLDER = "champions"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChampionFile:
    """The written file, the release it names, and whether a commit was made now."""

    path: Path
    release: str
    committed: bool


def write_champion_file(settings: Settings, ledger: Ledger, use_case: str, *, commit: bool) -> ChampionFile:
    """Write the file of a use case's champion, and commit that one file if asked; nothing else is staged or changed.

    Raises:
        RegistryError: no champion, its adapter was not pushed, or git refused.
        StorageError: the checkout refused a write.
    """
    registry = events(ledger, kinds=KINDS)
    name = champion(registry, use_case)
    if name is None:
        raise RegistryError(
            "REGISTRY-070",
            "expected a use case with a champion, found none",
            where=use_case,
            todo="list the releases: mlops registry list",
        )
    release = releases(registry)[name]
    place = pushed(ledger, release.adapter)
    if place is None or place.remote != CLEAN:
        raise RegistryError(
            "REGISTRY-071",
            "expected the champion's adapter in the clean remote, but it was never pushed there",
            where=name,
            todo=f"set MLOPS_REMOTE_CLEAN, then: mlops data push {release.run}",
        )
    path = settings.root / FOLDER / f"{use_case}.dvc"
    write_atomic(path, _content(use_case, name, release.adapter, place.folder).encode())
    path.chmod(0o644)
    committed = _commit(settings.root, path, f"Champion of {use_case}: {name}") if commit else False
    return ChampionFile(path, name, committed)


def _content(use_case: str, release: str, artifact: str, digest: str) -> str:
    lines = (
        "outs:",
        f"- md5: {digest}",
        "  hash: md5",
        f"  path: {use_case}",
        f"  remote: {CLEAN}",
        "meta:",
        f"  release: {json.dumps(release)}",
        f"  artifact: {json.dumps(artifact)}",
        "",
    )
    return "\n".join(lines)


def _commit(root: Path, path: Path, message: str) -> bool:
    relative = path.relative_to(root).as_posix()
    _git(root, "add", "--", relative)
    if not _git(root, "status", "--porcelain", "--", relative):
        return False
    _git(root, "commit", "--quiet", "--only", "--message", message, "--", relative)
    return True


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(root, type(error).__name__) from error
    if done.returncode != 0:
        raise _refused(root, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200])
    return done.stdout.strip()


def _refused(root: Path, why: str) -> RegistryError:
    return RegistryError(
        "REGISTRY-072",
        f"git did not commit the champion's file ({why})",
        where=str(root),
        todo="commit it by hand, or unset MLOPS_COMMIT_CHAMPIONS where the checkout is read-only",
    )


def follow_champion(settings: Settings, ledger: Ledger, use_case: str) -> None:
    """Where MLOPS_COMMIT_CHAMPIONS says so, commit the file after the champion changed.

    The change itself stands in the ledger; a file that cannot be committed is a warning.
    """
    if not settings.commit_champions:
        return
    try:
        write_champion_file(settings, ledger, use_case, commit=True)
    except MlopsError as error:
        log.warning("the champion changed, but its file was not committed: %s", error)
