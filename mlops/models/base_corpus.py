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


def as_chat(text: str) -> str:
    """Turn a talk written as ``Customer:`` and ``Agent:`` lines into a chat document; other texts stay as they are.

    The document is what the chat template of ``base_tokenizer`` renders for the same messages, so that the base model
    has met turns before it is fine-tuned on them.
    """
    if not text.startswith("Customer: "):
        return text
    pieces: list[str] = []
    for line in text.split("\n"):
        speaker, _, content = line.partition(": ")
        role = {"Customer": "user", "Agent": "assistant"}.get(speaker)
        if role is None:  # a message of several lines: it goes on with the turn under way
            pieces[-1] = f"{pieces[-1]}\n{line}"
        else:
            pieces.append(f"<|{role}|>{content}")
    return "".join(f"{piece}<|end|>" for piece in pieces)


def compose(library: Sequence[str], prose: Sequence[str]) -> list[str]:
    """The corpus of a base model: the library's texts, then the prose, of which every talk but each third is a chat."""
    return [*library, *(text if number % 3 == 0 else as_chat(text) for number, text in enumerate(prose))]
