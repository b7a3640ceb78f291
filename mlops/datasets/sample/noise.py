"""What fingers do to text: casing, lost punctuation, typing errors and junk messages."""

from __future__ import annotations

import re
from random import Random

HIDDEN = "\ue000"
"""Stands for a value that noise must not touch while a sentence is styled."""

STYLES: tuple[str, ...] = ("neat", "lower", "sloppy", "shout")
_STYLE_WEIGHTS = (56, 24, 16, 4)
_QUESTION = re.compile(
    r"(how|where|what|why|when|who|can|could|would|is|are|do|does|did|will|which|any|wo|wie|wann|was|passt|läuft|où|comment"
    r"|est-ce|quel|quelle|combien|que|dónde|cómo|cuándo|cuánto|qué|cuál|sirve|funciona)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]{5,}")


def draw_style(rng: Random) -> str:
    """One of `STYLES`, neat more often than not."""
    return rng.choices(STYLES, _STYLE_WEIGHTS)[0]


def sentence(text: str, style: str, rng: Random) -> str:
    """Casing and final punctuation of one sentence (or a few) in the given style."""
    if style == "shout":
        return text.upper() + rng.choice(("!", "!!", ""))
    if style == "sloppy":
        return text.lower().replace("'", "") + rng.choice(("", "", " ..", ","))
    if style == "lower":
        return _ended(text.lower())
    return _ended(re.sub(r"(^|[.?!] )([a-zà-ÿ])", lambda match: match[1] + match[2].upper(), text))


def _ended(text: str) -> str:
    if text[-1:] in ".!?":
        return text
    last = re.split(r"[.?!] ", text)[-1]
    return text + ("?" if _QUESTION.match(last) else ".")


def typos(text: str, rng: Random, rate: float) -> str:
    """Hurt each word of five or more plain letters with chance `rate`: swap, drop, double or replace a letter."""

    def hurt(match: re.Match[str]) -> str:
        word = match[0]
        if rng.random() >= rate:
            return word
        place = rng.randrange(1, len(word) - 1)
        head, here, after = word[:place], word[place], word[place + 1]
        options = (head + after + here + word[place + 2 :], head + word[place + 1 :], head + here + word[place:])
        return options[rng.randrange(3)]

    return _WORD.sub(hurt, text)


def keyboard_mash(rng: Random) -> str:
    """A message without content: nearly empty, a key held down, or random keys."""
    if rng.random() < 0.4:
        return rng.choice(("", " ", ".", "?", "...", "test", "a", "ok", "-", "\n"))
    keys = rng.choice(("asdfghjkl", "qwertyuiop", "jkljkl;", "0987654321", "xxxxxx", "zxcvbn"))
    return "".join(rng.choice(keys) for _ in range(rng.randrange(6, 40)))
