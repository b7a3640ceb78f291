"""The public half of the small base's corpus: what every Python installation carries.

Two sources: the language reference in ``pydoc_data.topics`` and the docstrings of the standard library, read by
parsing its source files, so that no module is imported. The texts differ between Python versions; the model card
names the version and the digest of what was read. The licence is that of Python itself (PSF-2.0).
"""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

_LEFT_OUT = frozenset({"site-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "ensurepip"})
_SHORTEST = 80


def standard_library_texts() -> list[str]:
    """Reference topics first, then docstrings of at least 80 characters in path order; no text twice."""
    from pydoc_data import topics

    table: dict[str, str] = topics.topics
    texts = [table[name].strip() for name in sorted(table)]
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        if not _LEFT_OUT.intersection(path.relative_to(root).parts):
            texts.extend(_docstrings(path))
    return list(dict.fromkeys(text for text in texts if len(text) >= _SHORTEST))


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # a template or a deliberately broken file
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text.strip()


def corpus_digest(texts: Sequence[str]) -> str:
    """SHA-256 over the texts in order, each ended by a NUL byte, as ``sha256:<64 hex>``."""
    hasher = hashlib.sha256()
    for text in texts:
        hasher.update(text.encode())
        hasher.update(b"\0")
    return "sha256:" + hasher.hexdigest()
