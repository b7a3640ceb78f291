"""A small generative grammar: one template stands for many sentences.

Notation: ``{a|b|c}`` is a choice with equal chances, ``[a]`` appears half of the time, ``<name>`` is a slot. A slot
is looked up in `slots` first (literal text) and then in `fragments` (a template of its own). Choices nest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random

_TOKEN = re.compile(r"[{}|\[\]]|<[a-z_]+>|[^{}|\[\]<]+|<")
_CLOSING = {"{": "}", "[": "]"}


@dataclass(frozen=True)
class Slot:
    """A name to be replaced by a literal or by the expansion of a fragment."""

    name: str


@dataclass(frozen=True)
class Choice:
    """One of several sequences, each as likely as the others."""

    options: tuple[Sequence, ...]


Sequence = tuple["str | Slot | Choice", ...]


def expand(template: str, rng: Random, slots: Mapping[str, str], fragments: Mapping[str, str]) -> str:
    """Draw one sentence of `template`; runs of spaces collapse and no space stays before punctuation.

    Raises:
        KeyError: a slot that neither mapping knows.
        ValueError: brackets that do not pair.
    """
    text = _draw(compiled(template), rng, slots, fragments)
    return re.sub(r" ([,.;:!?])", r"\1", " ".join(text.split()))


@lru_cache(maxsize=8192)
def compiled(template: str) -> Sequence:
    """Parse a template once.

    Raises:
        ValueError: brackets that do not pair.
    """
    options, rest = _options(_TOKEN.findall(template), None)
    if rest or len(options) != 1:
        raise ValueError(f"unbalanced template: {template}")
    return options[0]


def slot_names(template: str) -> frozenset[str]:
    """The names of all slots of a template, at any depth."""
    return frozenset(re.findall(r"<([a-z_]+)>", template))


def _options(tokens: list[str], closing: str | None) -> tuple[tuple[Sequence, ...], list[str]]:
    options: list[Sequence] = []
    current: list[str | Slot | Choice] = []
    while tokens:
        token, tokens = tokens[0], tokens[1:]
        if token == closing:
            return (*options, tuple(current)), tokens
        if token in _CLOSING:
            inner, tokens = _options(tokens, _CLOSING[token])
            current.append(Choice(inner if token == "{" else ((), *inner)))
        elif token in ("}", "]"):
            raise ValueError(f"unexpected {token} in a template")
        elif token == "|":
            options.append(tuple(current))
            current = []
        else:
            current.append(Slot(token[1:-1]) if token.startswith("<") and token.endswith(">") else token)
    if closing is not None:
        raise ValueError(f"missing {closing} in a template")
    return (*options, tuple(current)), []


def _draw(sequence: Sequence, rng: Random, slots: Mapping[str, str], fragments: Mapping[str, str]) -> str:
    parts = []
    for node in sequence:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, Choice):
            parts.append(_draw(node.options[rng.randrange(len(node.options))], rng, slots, fragments))
        elif node.name in slots:
            parts.append(slots[node.name])
        else:
            parts.append(_draw(compiled(fragments[node.name]), rng, slots, fragments))
    return "".join(parts)
