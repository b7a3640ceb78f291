"""The public half of the small base's corpus: what every Python installation carries.

Two sources: the language reference in ``pydoc_data.topics`` and the docstrings of the standard library, read by
parsing its source files, so that no module is imported. The texts differ between Python versions; the model card
names the version and the digest of what was read. The licence is that of Python itself (PSF-2.0).
"""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

_LEFT_OUT = frozenset({"site-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "ensurepip"})
_SHORTEST = 80
_CURRENCIES = ("EUR", "USD", "GBP", "CHF")


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


def frequent_words(texts: Sequence[str], least: int = 5) -> list[str]:
    """Lower-case words of 4 to 10 Latin letters that occur at least ``least`` times, sorted."""
    counts = Counter(word.lower() for text in texts for word in re.findall(r"[A-Za-z]{4,10}", text))
    return sorted(word for word, count in counts.items() if count >= least)


def copy_drills(words: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Texts whose rest follows from their beginning, which teaches a small model to look back.

    Three kinds: a run of words said again, a list of facts asked in another order, and a sentence with an amount that
    is named once more. The same arguments give the same texts.
    """
    return (_drill(Random(f"copy_drills:{seed}:{number}"), words) for number in range(count))


def _drill(rng: Random, words: Sequence[str]) -> str:
    kind = rng.random()
    if kind < 0.4:
        said = " ".join(rng.choice(words) for _ in range(rng.randrange(4, 40)))
        return "\n".join([said] * rng.choice((2, 2, 3)))
    if kind < 0.75:
        facts = [(name, _value(rng, words)) for name in rng.sample(words, rng.randrange(3, 9))]
        told = "; ".join(f"the {name} is {value}" for name, value in facts)
        asked = " ".join(f"The {name}? {value}." for name, value in rng.sample(facts, len(facts)))
        return f"{told}. {asked}"
    said_words = [rng.choice(words) for _ in range(rng.randrange(6, 25))]
    amount = f"{rng.randrange(1, 400)}.{rng.randrange(100):02d} {rng.choice(_CURRENCIES)}"
    said_words.insert(rng.randrange(len(said_words) - 2), amount)
    ends = f"last word {said_words[-1]}; first word {said_words[0]}"
    return f"{' '.join(said_words)} -> amount {amount}; {ends}"


def _value(rng: Random, words: Sequence[str]) -> str:
    kind = rng.random()
    if kind < 0.4:
        return f"{rng.randrange(1, 400)}.{rng.choice(('00', '50', '90', '95', '25'))} {rng.choice(_CURRENCIES)}"
    return str(rng.randrange(100_000)) if kind < 0.6 else rng.choice(words)
