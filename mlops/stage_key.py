"""The key of a stage: same key, same output, so it may be skipped.

It covers input digests, the pins and sections the stage uses, the source of every module its code can reach by a
static import (grimp reads imports inside functions too), and the versions of the third-party packages reached.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mlops.artifacts import canonical_json, digest_bytes, digest_file
from mlops.pipeline import Stage

_PACKAGE = Path(__file__).resolve().parent

# Import names whose distribution is called otherwise.
DISTRIBUTIONS = {
    "pycrfsuite": "python-crfsuite",
    "re2": "google-re2",
    "stdnum": "python-stdnum",
    "yaml": "PyYAML",
    "prometheus_client": "prometheus-client",
    "great_expectations": "great-expectations",
    "open_data_contract_standard": "open-data-contract-standard",
    "pydantic_settings": "pydantic-settings",
    "bitsandbytes": "bitsandbytes",
}


@cache
def _graph() -> Any:
    import grimp

    return grimp.build_graph(_PACKAGE.name, include_external_packages=True, cache_dir=None)


def import_closure(module: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Modules of ours, and top-level third-party packages, that ``module`` can reach by static imports.

    Returns:
        ``(own, third_party)``, each sorted; ``own`` includes the module and the packages above it.
    """
    reached = {module, *_graph().find_upstream_modules(module)}
    own = {name for name in reached if name.split(".")[0] == _PACKAGE.name}
    for name in tuple(own):
        parts = name.split(".")
        own.update(".".join(parts[:length]) for length in range(1, len(parts)))
    others = {name.split(".")[0] for name in reached - own}
    return tuple(sorted(own)), tuple(sorted(others - set(sys.stdlib_module_names) - {_PACKAGE.name}))


def _source(module: str) -> Path:
    path = _PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def code_digest(modules: tuple[str, ...]) -> str:
    """Digest over the source of ``modules`` and over the data files that lie in their packages."""
    sources = {_source(name) for name in modules}
    packages = {path.parent for path in sources}
    data = {
        path
        for folder in packages
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    listing = {
        path.relative_to(_PACKAGE).as_posix(): digest_file(path) for path in sorted(sources | data) if path.exists()
    }
    return digest_bytes(canonical_json(listing))


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Installed version of each distribution; packages that are not installed are named ``absent``."""
    found = {}
    for package in packages:
        name = DISTRIBUTIONS.get(package, package)
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def key_parts(
    stage: Stage, inputs: Mapping[str, str], pins: Mapping[str, Any], sections: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything the stage's output depends on, as a JSON object; its digest is the key."""
    own, others = import_closure(stage.module)
    return {
        "stage": stage.name,
        "inputs": dict(inputs),
        "pins": dict(pins),
        "section": digest_bytes(canonical_json({name: _plain(value) for name, value in sections.items()})),
        "code": code_digest(own),
        "versions": versions(others),
    }


def key_of(parts: Mapping[str, Any]) -> str:
    """Digest of :func:`key_parts`."""
    return digest_bytes(canonical_json(dict(parts)))
