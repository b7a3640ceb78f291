"""Training text: templates filled from the name tables, by seed.

A template line is a small grammar: ``(a|b|)`` chooses one of its alternatives, ``{slot}`` is filled. Nothing in it
comes from anybody's data.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from mlops.privacy.names.slots import PLAIN, Filler
from mlops.privacy.names.tables import Tables
from mlops.privacy.normalisation import BLANK

LANGUAGES = ("en", "es", "de", "fr", "pl", "pt", "it", "nl")
# Share of the sentences by language; the others share the rest.
_ENGLISH = 0.66
_SECTIONS = {"person": 0.40, "place": 0.10, "organisation": 0.06, "clean": 0.44}
_CASES = (("as is", 0.52), ("lower", 0.28), ("names lower", 0.04), ("upper", 0.13), ("title", 0.03))
_MASKED, _MASKED_NAMES = 0.1, 0.7

_PART = re.compile(r"[()|]|\{\w+\}|[^()|{}]+")


class Example(NamedTuple):
    """A sentence and its names.

    Attributes:
        text: the sentence.
        spans: start, end (code points) and entity type of each name, in order.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]


def examples(tables: Tables, count: int, seed: int) -> Iterator[Example]:
    """`count` sentences; the same for the same tables, templates, count and seed."""
    chance = random.Random(seed)
    filler = Filler(tables, chance)
    books = {language: templates(language) for language in LANGUAGES}
    for _ in range(count):
        language = "en" if chance.random() < _ENGLISH else chance.choice(LANGUAGES[1:])
        sections = books[language]
        names = [name for name in _SECTIONS if sections.get(name)]
        section = chance.choices(names, [_SECTIONS[name] for name in names])[0]
        yield _masked(_recase(_fill(chance.choice(sections[section]), filler, chance), chance), chance)


@cache
def templates(language: str) -> dict[str, list[str]]:
    """Section → template lines of one language."""
    text = (files("mlops.privacy.names") / "templates" / f"{language}.txt").read_text(encoding="utf-8")
    sections: dict[str, list[str]] = {}
    for line in text.split("\n"):
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(line)
    return sections


def fixed_words() -> frozenset[str]:
    """The words that the templates write themselves, casefolded."""
    literal = " ".join(
        re.sub(r"\{\w+\}", " ", line)
        for language in LANGUAGES
        for lines in templates(language).values()
        for line in lines
    )
    plain = " ".join(" ".join(words) for words in PLAIN.values())
    return frozenset(re.findall(r"[^\W\d_](?:[^\W\d_]|['\-](?=[^\W\d_]))*", f"{literal} {plain}".casefold()))


def _fill(template: str, filler: Filler, chance: random.Random) -> Example:
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    length = 0
    for piece in _choose(_PART.findall(template), chance):
        text, kind = filler.fill(piece[1:-1]) if piece.startswith("{") else (piece, "")
        if kind:
            spans.append((length, length + len(text), kind))
        parts.append(text)
        length += len(text)
    return Example("".join(parts), tuple(spans))


def _choose(parts: Sequence[str], chance: random.Random) -> list[str]:
    """Literal pieces and slots that are left after every alternative is decided."""
    position = 0

    def sequence() -> list[str]:
        nonlocal position
        taken: list[str] = []
        while position < len(parts) and parts[position] not in {"|", ")"}:
            if parts[position] == "(":
                position += 1
                taken += group()
            else:
                taken.append(parts[position])
                position += 1
        return taken

    def group() -> list[str]:
        nonlocal position
        alternatives = [sequence()]
        while parts[position] == "|":
            position += 1
            alternatives.append(sequence())
        position += 1
        return chance.choice(alternatives)

    return sequence()


def _recase(example: Example, chance: random.Random) -> Example:
    case = chance.choices([name for name, _ in _CASES], [share for _, share in _CASES])[0]
    change = _CHANGES.get(case)
    if change is None:
        return example
    text = example.text
    if case == "names lower":
        for start, end, _ in example.spans:
            text = text[:start] + text[start:end].lower() + text[end:]
    else:
        text = change(text)
    # A few letters change their length with their case (ß, İ); such a sentence stays as it is.
    return Example(text, example.spans) if len(text) == len(example.text) else example


def _masked(example: Example, chance: random.Random) -> Example:
    """Now and then, some names are placeholders already: what is left then is no name because one stood beside it."""
    if not example.spans or chance.random() >= _MASKED:
        return example
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    cursor = length = 0
    for start, end, kind in example.spans:
        hidden = chance.random() < _MASKED_NAMES
        piece = BLANK if hidden else example.text[start:end]
        parts += [example.text[cursor:start], piece]
        length += start - cursor
        if not hidden:
            spans.append((length, length + len(piece), kind))
        length += len(piece)
        cursor = end
    return Example("".join([*parts, example.text[cursor:]]), tuple(spans))


_CHANGES: Mapping[str, Callable[[str], str]] = {
    "lower": str.lower,
    "names lower": str.lower,
    "upper": str.upper,
    "title": lambda text: re.sub(r"(?<![\w'])[a-z]", lambda match: match.group().upper(), text),
}
