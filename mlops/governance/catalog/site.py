"""The catalog as a folder that is there as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from mlops.artifacts import canonical_json, storage_error, write_atomic
from mlops.contracts.errors import ContractError
from mlops.governance.catalog.contract_page import contract_page
from mlops.governance.catalog.gather import Catalog
from mlops.governance.catalog.index_page import index_page

MARKER = "catalog.json"
_MADE_BY = "mlops contract catalog"
_ABANDONED_SECONDS = 3600.0


def site(catalog: Catalog) -> dict[str, bytes]:
    """Path in the folder → content. ``catalog.json`` lists the contracts and marks the folder as a catalog."""
    files = {f"contracts/{entry.page}.html": contract_page(entry).encode() for entry in catalog.entries}
    listed = [
        {
            "id": entry.contract.id,
            "name": entry.contract.name,
            "version": entry.contract.version,
            "status": entry.contract.status,
            "digest": entry.contract.digest,
            "approved": bool(entry.standing and entry.standing.approved),
            "page": f"contracts/{entry.page}.html",
        }
        for entry in catalog.entries
    ]
    broken = [each.path.as_posix() for each in catalog.broken]
    files[MARKER] = canonical_json({"made_by": _MADE_BY, "contracts": listed, "broken": broken})
    files["index.html"] = index_page(catalog).encode()
    return files


def write_site(files: Mapping[str, bytes], folder: Path) -> None:
    """Replace ``folder`` by ``files``. Whoever is killed on the way leaves the old folder or none, never half of one.

    Raises:
        ContractError: CONTRACT-080, something lies there that is no catalog; it is left alone.
        StorageError: the disk refused; the old folder is untouched.
    """
    require_catalog(folder)
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_aside(folder), dir=folder.parent) as aside:
            new, old = Path(aside, "new"), Path(aside, "old")
            for name, content in files.items():
                write_atomic(new / name, content)
                (new / name).chmod(0o644)
            _swap(folder, new, old)
        _sweep(folder)
    except OSError as error:
        raise storage_error(error, folder) from error


def _aside(folder: Path) -> str:
    return f".{folder.name}.catalog-"


def _sweep(folder: Path) -> None:
    """Remove what calls that were killed left beside the folder; one that is under way is younger than that."""
    for left in folder.parent.iterdir():
        if left.name.startswith(_aside(folder)) and left.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
            shutil.rmtree(left)


def _swap(folder: Path, new: Path, old: Path) -> None:
    if not folder.is_dir():
        os.rename(new, folder)
        return
    os.rename(folder, old)
    try:
        os.rename(new, folder)
    except OSError:
        os.rename(old, folder)
        raise
    shutil.rmtree(old)


def require_catalog(folder: Path) -> None:
    """Refuse a place that holds anything but a catalog, an empty folder or nothing.

    Raises:
        ContractError: CONTRACT-080.
    """
    if folder.is_symlink() or (
        folder.exists() and not (folder.is_dir() and (_is_catalog(folder) or _is_empty(folder)))
    ):
        message = "expected a catalog, an empty folder or nothing, found something else"
        raise ContractError("CONTRACT-080", message, where=str(folder), todo="name another folder, or empty this one")


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def _is_catalog(folder: Path) -> bool:
    try:
        found = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("made_by") == _MADE_BY
