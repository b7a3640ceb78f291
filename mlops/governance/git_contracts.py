"""Contract files as they were at a revision of the project's git repository."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from mlops.contracts.errors import ContractError
from mlops.governance.lint_command import FOLDER
from mlops.yaml_source import Document, parse_document

_SECONDS = 60
_SUFFIX = ".odcs.yaml"


@dataclass(frozen=True)
class ChangedFile:
    """A contract file whose bytes differ; ``old`` or ``new`` is None where there is none."""

    name: str
    old: Document | None
    new: Document | None


def changed_files(root: Path, revision: str, paths: list[Path]) -> list[ChangedFile]:
    """Contract files that differ between a revision and the working tree, by name.

    Args:
        root: of the project; the repository may begin above it.
        revision: anything that git resolves to a commit.
        paths: files or folders below ``root``; ``data_contracts/`` by default. Folders below a folder do not count.

    Raises:
        ContractError: CONTRACT-021.
    """
    commit = _commit(root, revision)
    names = sorted({name for path in paths or [root / FOLDER] for name in _names(root, commit, path)})
    found = []
    for name in names:
        before, path = _at(root, commit, name), root / name
        after = parse_document(path) if path.is_file() else None
        if before is None or after is None or path.read_bytes() != before:
            old = None if before is None else _parse(before, f"{revision}:{name}")
            found.append(ChangedFile(name, old, None if after is None else replace(after, path=_shown(root, name))))
    return found


def _shown(root: Path, name: str) -> Path:
    return root / name if Path.cwd() != root else Path(name)


def _commit(root: Path, revision: str) -> str:
    """The commit's digest: from here on nothing that was typed reaches git."""
    if not revision or revision.startswith("-") or not revision.isprintable():
        raise _error("expected a revision such as main, HEAD~1 or a tag", revision, "name one")
    ended = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if ended.returncode:
        raise _error("git knows no such commit here", revision, "name a branch, a tag or a commit; fetch it if need be")
    return ended.stdout.decode().strip()


def _names(root: Path, commit: str, path: Path) -> list[str]:
    """Names, relative to the root, of the contract files that a file or a folder stands for, then or now."""
    try:
        name = path.resolve().relative_to(root).as_posix()
    except ValueError:
        raise _error("expected a path inside the project", str(path), "leave it out, or name one") from None
    if name.endswith(_SUFFIX):
        return [name]
    listed = _git(root, "ls-tree", "-z", "--name-only", commit, "--", "./" if name == "." else f"{name}/")
    if listed.returncode:
        raise _error("git cannot list the files", name, "run git fsck")
    then = [each for each in listed.stdout.decode("utf-8", "surrogateescape").split("\0") if each.endswith(_SUFFIX)]
    return then + [each.relative_to(root).as_posix() for each in path.resolve().glob(f"*{_SUFFIX}")]


def _at(root: Path, commit: str, name: str) -> bytes | None:
    ended = _git(root, "show", f"{commit}:./{name}")
    return None if ended.returncode else ended.stdout


def _parse(content: bytes, where: str) -> Document:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "contract")
        path.write_bytes(content)
        return replace(parse_document(path), path=Path(where))


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "--no-pager", *arguments], cwd=root, capture_output=True, timeout=_SECONDS)
    except FileNotFoundError:
        raise _error("expected git, found none", "PATH", "install git, or name two files") from None
    except subprocess.TimeoutExpired:
        raise _error(f"git gave no answer within {_SECONDS} s", str(root), "look at the repository") from None


def _error(message: str, where: str, todo: str) -> ContractError:
    return ContractError("CONTRACT-021", message, where=where, todo=todo)
