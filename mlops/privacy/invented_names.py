"""Names that nobody has: made of syllables of a language, kept apart from the names that people do have.

`names_by_gender.txt` tells the language and the gender of a real name; it was built once, by `build`, from the lists
of Faker's person providers (MIT licence). What stands there is never given out.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from mlops.privacy.keys import Draw
from mlops.privacy.words import PARTICLES

LANGUAGES = ("en", "es", "de", "fr", "it", "pt", "pl", "nl")
_LOCALES = {
    "en": ("en_US", "en_GB"),
    "es": ("es_ES", "es_MX"),
    "de": ("de_DE",),
    "fr": ("fr_FR",),
    "it": ("it_IT",),
    "pt": ("pt_BR", "pt_PT"),
    "pl": ("pl_PL",),
    "nl": ("nl_NL",),
}
_PARTS = ("female", "male", "family")
# Length classes: at most so many letters.
_CLASSES = (5, 8, 64)
_FEWEST = 60


def person(canonical: str, draw: Draw) -> list[str]:
    """An invented name, word by word for the words of ``canonical`` (casefolded, without full stops).

    Language and gender are those that the words have, where they are known; particles (``van``) stay, an initial
    becomes an initial. Each word keeps its length class: up to 5, 6 to 8, or more letters.
    """
    words = canonical.split()
    parts = _parts(words)
    language = _language(words, parts)
    gender = _gender([word for word, part in zip(words, parts, strict=True) if part == "given"], draw)
    return [
        word
        if word in PARTICLES and len(words) > 1
        else _word(language, gender if part == "given" else part, word, draw)
        for word, part in zip(words, parts, strict=True)
    ]


def word_like(word: str, draw: Draw) -> str:
    """An invented English name as long as ``word`` is, in plain ASCII: for addresses and companies."""
    return _word("en", "family" if len(word) > 5 else ("female", "male")[draw.below(2)], word, draw)


def _word(language: str, part: str, word: str, draw: Draw) -> str:
    by_class = invented(language, part)
    names = by_class[next(place for place, most in enumerate(_CLASSES) if len(word) <= most or most == _CLASSES[-1])]
    name = names[draw.below(len(names))]
    return name[:1] if len(word) == 1 else name


def _parts(words: Sequence[str]) -> list[str]:
    """``given`` or ``family`` for each word: the last is the family's, and the last two of three in Spanish order."""
    if len(words) == 1:
        known = {part for _, part in real_names().get(words[0], ())}
        return ["family" if known == {"family"} else "given"]
    families = 1
    if len(words) >= 3 and words[-2] not in PARTICLES:
        votes = Counter(language for word in words for language, _ in set(real_names().get(word, ())))
        families = 2 if votes["es"] + votes["pt"] > votes["en"] + votes["de"] else 1
    return ["given"] * (len(words) - families) + ["family"] * families


def _language(words: Sequence[str], parts: Sequence[str]) -> str:
    """The language that most of the words are names in; the order of `LANGUAGES` breaks ties, English where unknown."""
    votes: Counter[str] = Counter()
    for word, part in zip(words, parts, strict=True):
        votes.update(
            {language for language, known in real_names().get(word, ()) if (known == "family") == (part == "family")}
        )
    return max(LANGUAGES, key=lambda language: (votes[language], -LANGUAGES.index(language)))


def _gender(given: Sequence[str], draw: Draw) -> str:
    for word in given:
        known = Counter(part for _, part in real_names().get(word.split("-")[0], ()) if part != "family")
        if known["female"] != known["male"]:
            return "female" if known["female"] > known["male"] else "male"
    return ("female", "male")[draw.below(2)]


@cache
def invented(language: str, part: str) -> tuple[tuple[str, ...], ...]:
    """All invented names of a language and a part (female, male, family), by length class."""
    syllables = _lines("syllables.txt")
    first, last = ("family", "place") if part == "family" else ("given", part)
    beginnings, endings = syllables[language, first].split(), syllables[language, last].split()
    names = sorted({_joined(one, other) for one in beginnings for other in endings})
    free = [name for name in names if name.casefold() not in real_names()]
    return tuple(_of_length(free, low + 1, most) for low, most in zip((0, *_CLASSES), _CLASSES, strict=False))


def _of_length(names: Sequence[str], least: int, most: int) -> tuple[str, ...]:
    """Names of a length class, with those nearest to it where they are few: short names are seldom two syllables."""
    ordered = sorted(names, key=lambda name: (max(least - len(name), len(name) - most, 0), name))
    inside = sum(least <= len(name) <= most for name in ordered)
    return tuple(ordered[: max(inside, _FEWEST)])


def _joined(beginning: str, ending: str) -> str:
    """No letter twice where two syllables meet, unless both have it inside."""
    return beginning + (ending[1:] if beginning[-1].casefold() == ending[0] else ending)


@cache
def real_names() -> dict[str, tuple[tuple[str, str], ...]]:
    """Casefolded real name → the (language, part) pairs that it is known in."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for label, names in _lines("names_by_gender.txt").items():
        for name in names.split(", "):
            found[name] = (*found.get(name, ()), label)
    return found


@cache
def _lines(name: str) -> dict[tuple[str, str], str]:
    """Lines ``LANGUAGE PART: …`` of a table."""
    text = (files("mlops.privacy.surrogate_tables") / name).read_text(encoding="utf-8")
    lines = (line.split(": ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {(label.split()[0], label.split()[1]): rest for label, rest in lines}


def build(folder: Path) -> None:
    """Write ``names_by_gender.txt`` anew from the installed Faker.

    Raises:
        ModuleNotFoundError: Faker (extra ``dev``) is not installed.
    """
    lines = ["# Names by language and gender, from the lists of Faker's person providers (MIT licence); casefolded."]
    for language, locales in _LOCALES.items():
        for part in _PARTS:
            names: set[str] = set()
            for locale in locales:
                provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
                attributes = [f"first_names_{part}"] if part != "family" else ["last_names", "last_names_female"]
                names |= {name for each in attributes for name in getattr(provider, each, ())}
            plain = sorted({name.casefold() for name in names if name.replace("-", "").isalpha()})
            lines.append(f"{language} {part}: {', '.join(plain)}")
    (folder / "names_by_gender.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
