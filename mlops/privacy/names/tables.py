"""Name tables: people by origin, places, companies, ordinary words.

The files under `tables/` were built once by `build` from the lists of Faker's providers (MIT licence) and the
project's own lists (`own_*.txt`); `load` reads them, and neither training nor tagging needs Faker.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

# Origin → locales of Faker's person provider.
ORIGINS: dict[str, tuple[str, ...]] = {
    "english": ("en_US", "en_GB", "en_IE"),
    "hispanic": ("es_ES", "es_MX", "es_CO", "es_CL"),
    "german": ("de_DE", "de_AT"),
    "french": ("fr_FR", "fr_CA"),
    "polish": ("pl_PL",),
    "portuguese": ("pt_BR", "pt_PT"),
    "italian": ("it_IT",),
    "dutch": ("nl_NL", "nl_BE"),
    "nordic": ("da_DK", "sv_SE", "no_NO", "fi_FI"),
    "central_european": ("cs_CZ", "sk_SK", "hr_HR", "hu_HU", "ro_RO", "sl_SI"),
    "baltic": ("et_EE", "lt_LT", "lv_LV"),
    "slavic": ("ru_RU", "uk_UA", "bg_BG"),
    "greek": ("el_GR",),
    "turkish": ("tr_TR", "az_AZ"),
    "arabic": ("fr_DZ", "en_PK"),
    "indian": ("en_IN",),
    "african": ("en_NG", "en_KE", "yo_NG", "ig_NG", "ha_NG", "sw", "zu_ZA", "tw_GH"),
    "indonesian": ("id_ID",),
    "east_asian": ("ja_JP", "zh_CN", "zh_TW", "vi_VN", "en_TH"),
    "korean": (),
    "persian": (),
}
_PLACES = ("de_DE", "es_ES", "fr_FR", "it_IT", "nl_NL", "pl_PL", "pt_PT", "sv_SE", "en_IN", "cs_CZ")
_LOREM = ("en_US", "es_ES", "de_DE", "fr_FR", "it_IT", "nl_NL", "pl_PL")
_MOST = 900  # names per origin and part: enough for affixes, small enough to read
# Every eighth name is left out of training and of the gazetteer, so that recall by origin can be measured on names
# that the model has never seen.
_HELD_OUT = 8

_CYRILLIC = "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i yi ye g"
_GREEK = "a v g d e z i th i k l m n x o p r s t y f ch ps o s"
_LATIN = {
    letter: latin.replace("_", "")
    for letters, latins in (
        ("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ", _CYRILLIC),
        ("αβγδεζηθικλμνξοπρστυφχψως", _GREEK),
    )
    for letter, latin in zip(letters, latins.split(), strict=True)
}


@dataclass(frozen=True)
class Tables:
    """What templates are filled with and what the gazetteer features look up.

    Attributes:
        first, last: names by origin.
        cities, countries, companies, words: as written; `words` are ordinary words, lower case.
    """

    first: Mapping[str, tuple[str, ...]]
    last: Mapping[str, tuple[str, ...]]
    cities: tuple[str, ...]
    countries: tuple[str, ...]
    companies: tuple[str, ...]
    words: tuple[str, ...]


def held_out(name: str) -> bool:
    """Whether a name is kept for measuring."""
    return hashlib.sha256(name.casefold().encode()).digest()[0] % _HELD_OUT == 0


@cache
def load() -> Tables:
    """The tables as shipped, held-out names included."""
    people = {part: {origin: _read(f"{part}_{origin}.txt") for origin in ORIGINS} for part in ("first", "last")}
    return Tables(
        first=people["first"],
        last=people["last"],
        cities=_read("cities.txt"),
        countries=_read("countries.txt"),
        companies=_read("own_companies.txt"),
        words=_read("words.txt"),
    )


def _read(name: str) -> tuple[str, ...]:
    text = (files("mlops.privacy.names") / "tables" / name).read_text(encoding="utf-8")
    return tuple(line for line in text.split("\n") if line and not line.startswith("#"))


def build(folder: Path) -> None:
    """Write the tables anew from the installed Faker and the project's own lists in `folder`.

    Raises:
        ModuleNotFoundError: Faker (extra `dev`) is not installed.
    """
    own = _own_people(folder / "own_people.txt")
    for origin, locales in ORIGINS.items():
        for part in ("first", "last"):
            names = set(own.get((part, origin), ()))
            for locale in locales:
                names |= {clean for name in _faker_people(locale, part) if (clean := _as_name(name))}
            _write(folder / f"{part}_{origin}.txt", _spread(names))
    cities = set(_own(folder / "own_cities.txt"))
    for locale in _PLACES:
        cities |= set(_faker_cities(locale))
    _write(folder / "cities.txt", sorted(cities))
    countries = {name for name in _provider("address", "en").countries if re.fullmatch(r"[^\W\d_][^\d(),]+", name)}
    _write(folder / "countries.txt", sorted(countries))
    plain = set(_own(folder / "own_words.txt"))
    plain |= {word.casefold() for job in _provider("job", "en_US").jobs for word in re.findall(r"[A-Za-z]{3,}", job)}
    lorem = {word.casefold() for locale in _LOREM for word in _provider("lorem", locale).word_list}
    # Lists of frequent words count first names and cities among them.
    given = {name.casefold() for origin in ORIGINS for name in _own(folder / f"first_{origin}.txt")}
    given |= {city.casefold() for city in cities}
    english = {word.casefold() for word in _provider("lorem", "en_US").word_list}
    _write(folder / "words.txt", sorted(plain | english | (lorem - given)))


def _provider(room: str, locale: str) -> Any:
    module = importlib.import_module(f"faker.providers.{room}.{locale}")
    return module.Provider


def _faker_people(locale: str, part: str) -> list[str]:
    provider = _provider("person", locale)
    found: list[str] = []
    for attribute in sorted(vars(provider)):
        if re.fullmatch(rf"(?:\w+_)?{part}(?:_romanized)?_names?(?:_\w+)?", attribute) and "pairs" not in attribute:
            names = vars(provider)[attribute]
            found += [name for name in names if isinstance(name, str)] if isinstance(names, Iterable) else []
    return found


def _faker_cities(locale: str) -> list[str]:
    provider = _provider("address", locale)
    found: list[str] = []
    for attribute in ("cities", "city_names", "towns"):
        names = vars(provider).get(attribute, ())
        found += [name for name in names if isinstance(name, str) and re.fullmatch(r"[^\W\d_][^\d_,()/]{2,24}", name)]
    return sorted(found)[:400]


def _as_name(name: str) -> str | None:
    """In Latin script, first letter large; None where it is neither Latin nor transliterated here."""
    folded = unicodedata.normalize("NFC", name).strip()
    if folded and not folded[0].isascii() and "LATIN" not in unicodedata.name(folded[0], ""):
        plain = "".join(c for c in unicodedata.normalize("NFD", folded.lower()) if not unicodedata.combining(c))
        folded = "".join(_LATIN.get(c, "?") for c in plain)
    if folded == folded.upper() or folded == folded.lower():
        folded = folded.title()
    return folded if re.fullmatch(r"[^\W\d_][^\W\d_]*(?:[ '\-][^\W\d_]+){0,2}", folded) and len(folded) > 1 else None


def _spread(names: Iterable[str]) -> list[str]:
    """At most `_MOST`, chosen by digest so that no letter of the alphabet is favoured."""
    chosen = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())[:_MOST]
    return sorted(chosen)


def _own(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")]


def _own_people(path: Path) -> dict[tuple[str, str], list[str]]:
    """Lines `part origin: name, name, …`."""
    found = {}
    for line in _own(path):
        label, names = line.split(":")
        part, origin = label.split()
        found[part, origin] = [name.strip() for name in names.split(",")]
    return found


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
