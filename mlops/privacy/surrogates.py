"""Invented values of the same form as a real one, in ranges that are kept free for examples where there is one.

A surrogate is made of the canonical value alone, so that all spellings of one value get the same surrogate, and is
then written as the value was written. Ranges: RFC 2606 (example.com), RFC 5737 and 3849 (addresses), RFC 7042 (MAC),
555-01xx (North America), Ofcom's, Arcep's, the Bundesnetzagentur's and ACMA's numbers for films, test card numbers,
bank codes of zeros, SSN area 666. Other national numbers begin with zeros, which hardly any authority gives out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from mlops.privacy.invented_names import person, word_like
from mlops.privacy.keys import Draw, Key

_ATTEMPTS = 64
_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_HOSTS = ("example.com", "example.net", "example.org")
_NETS = ("192.0.2.", "198.51.100.", "203.0.113.")
# Beginning of a card number → the range of test numbers of that brand.
_CARDS: tuple[tuple[str, str], ...] = (
    ("34", "378282"),
    ("37", "378282"),
    ("35", "353011"),
    ("30", "305693"),
    ("36", "305693"),
    ("38", "305693"),
)
_CARDS += (("4", "400000"), ("5", "555555"), ("2", "555555"), ("6", "601111"), ("", "400000"))
_AREAS = "202 206 212 213 214 215 303 305 312 314 404 412 415 416 503 504 512 514 602 604 612 617 702 713 773 808 907"
# Country code → (national number begins with, what the surrogate begins with); digits are added up to the length.
_FILM_NUMBERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "1": (("", tuple(f"{area}55501" for area in _AREAS.split())),),
    "44": (
        ("7", ("7700900",)),
        ("20", ("2079460",)),
        ("", ("1134960", "1144960", "1154960", "1164960", "1174960", "1184960", "1214960", "1314960", "1414960")),
    ),
    "33": (
        ("2", ("26191",)),
        ("3", ("35301",)),
        ("4", ("46571",)),
        ("5", ("53649",)),
        ("6", ("63998",)),
        ("7", ("63998",)),
        ("", ("19900",)),
    ),
    "49": (("", ("3023125", "6990009", "4066969", "2214710", "8999998")),),
    "61": (("", ("25550", "35550", "75550", "85550", "27010", "37010", "77010", "87010")),),
}
_KEPT = """
street st avenue ave road rd lane ln drive dr court ct place pl way square boulevard blvd close apt suite po box straße
strasse str weg platz allee rue calle avenida plaza via viale piazza rua travessa ulica ul al laan straat plein ltd llc
inc corp co gmbh ag kg sa sas sarl srl spa bv nv plc company bank group
"""
_KEPT_WORDS = frozenset(_KEPT.split())
_WORD = re.compile(r"[^\W\d_]+")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*://")


def surrogate(kind: str, canonical: str, surface: str, scope: str, key: Key, taken: Collection[str]) -> str | None:
    """The surrogate of a value, written as ``surface`` is.

    Args:
        kind: entity type.
        canonical: what decides the surrogate, together with key, type and scope.
        surface: the value as it stands in the text, normalised.
        scope: id of what the value keeps its surrogate in.
        taken: real values, squeezed (see `squeezed`), which a surrogate may not equal.

    Returns:
        None where no surrogate could be found that is not taken.
    """
    make = _MAKERS.get(kind, _alike)
    for attempt in range(_ATTEMPTS):
        made = make(canonical, Draw(key, "surrogate", kind, canonical, scope, str(attempt)))
        if squeezed(made) not in taken and squeezed(made) != squeezed(canonical):
            written = _clean(_WRITERS.get(kind, _filled)(made, canonical, surface))
            if written and squeezed(written) not in taken and squeezed(written) != squeezed(surface):
                return written
    return None


def squeezed(value: str) -> str:
    """Letters and digits only, casefolded: what two spellings of one value have in common."""
    return "".join(character for character in value.casefold() if character.isalnum())


def _clean(text: str) -> str:
    """Without what could end a string of JSON or begin an escape."""
    return "".join(" " if ord(character) < 32 else character for character in text if character not in '"\\<>')


# -- making: canonical value → canonical surrogate --------------------------------------------------------------------


def _person(canonical: str, draw: Draw) -> str:
    return " ".join(person(canonical, draw))


def _email(canonical: str, draw: Draw) -> str:
    local = canonical.partition("@")[0]
    words = _WORD.findall(local)
    plain = ".".join(word_like(word, draw).lower() for word in words[:2]) or "mail"
    return f"{plain}{_digits(3, draw)}@{_HOSTS[draw.below(len(_HOSTS))]}"


def _phone(canonical: str, draw: Draw) -> str:
    country, _, national = canonical.removeprefix("+").rpartition(" ")
    if not country:
        free = {7: ("555010",), 10: _FILM_NUMBERS["1"][0][1]}.get(len(national), ("000",))
        return _up_to(free[draw.below(len(free))], len(national), draw)
    known = _FILM_NUMBERS.get(country, (("", ("000",)),))
    free = next(free for begins, free in known if national.startswith(begins))
    return f"+{country} {_up_to(free[draw.below(len(free))], len(national), draw)}"


def _card(canonical: str, draw: Draw) -> str:
    begins = next(begins for brand, begins in _CARDS if canonical.startswith(brand))
    return _with_luhn(_up_to(begins, len(canonical) - 1, draw))


def _imei(canonical: str, draw: Draw) -> str:
    return _with_luhn(_up_to("00101000", 14, draw))


def _iban(canonical: str, draw: Draw) -> str:
    country, account = canonical[:2], canonical[4:]
    made = "".join("0" if account[place].isdigit() else "X" for place in range(min(4, len(account))))
    made += _same_classes(account[4:], draw)
    number = "".join(str(int(character, 36)) for character in f"{made}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{made}"


def _ip(canonical: str, draw: Draw) -> str:
    if ":" in canonical:
        return "2001:db8::" + ":".join(f"{1 + draw.below(0xFFFF):x}" for _ in range(3))
    return f"{_NETS[draw.below(len(_NETS))]}{1 + draw.below(254)}"


def _mac(canonical: str, draw: Draw) -> str:
    return f"00005e0053{draw.below(256):02x}"


def _url(canonical: str, draw: Draw) -> str:
    scheme = _SCHEME.match(canonical)
    path = "".join("0123456789abcdef"[draw.below(16)] for _ in range(10))
    return f"{scheme.group() if scheme else ''}{_HOSTS[draw.below(len(_HOSTS))]}/{path}"


def _ssn(canonical: str, draw: Draw) -> str:
    return f"666{1 + draw.below(99):02d}{1 + draw.below(9999):04d}"


def _words(canonical: str, draw: Draw) -> str:
    """Places and companies: kinds of streets and companies stay, other words and numbers are invented."""

    def other(word: re.Match[str]) -> str:
        plain = word.group()
        if plain.isdigit():
            return str(1 + draw.below(9)) + _digits(len(plain) - 1, draw)
        if plain.casefold() in _KEPT_WORDS:
            return plain
        return _same_classes(plain, draw) if len(plain) <= 2 else word_like(plain, draw)

    return re.sub(r"[0-9]+|[^\W\d_]+", other, canonical)


def _alike(canonical: str, draw: Draw) -> str:
    """The same kinds of characters in the same places; digits at the beginning are zeros."""
    made = list(_same_classes(canonical, draw))
    digits = [place for place, character in enumerate(made) if character in _DIGITS]
    for place in digits[: min(2, len(digits) // 3)]:
        made[place] = "0"
    return "".join(made)


_MAKERS: dict[str, Callable[[str, Draw], str]] = {
    "PERSON": _person,
    "EMAIL_ADDRESS": _email,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "IMEI": _imei,
    "IBAN_CODE": _iban,
    "IP_ADDRESS": _ip,
    "MAC_ADDRESS": _mac,
    "URL": _url,
    "US_SSN": _ssn,
    "LOCATION": _words,
    "ORGANIZATION": _words,
}


def _digits(count: int, draw: Draw) -> str:
    return "".join(_DIGITS[draw.below(10)] for _ in range(count))


def _up_to(begins: str, length: int, draw: Draw) -> str:
    return begins[:length] + _digits(length - len(begins), draw)


def _with_luhn(digits: str) -> str:
    """With the check digit of ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


def _same_classes(text: str, draw: Draw) -> str:
    made = []
    for character in text:
        if character.isdigit():
            made.append(_DIGITS[draw.below(10)])
        elif character.isalpha():
            letter = _LOWER[draw.below(26)]
            made.append(letter.upper() if character.isupper() else letter)
        else:
            made.append(character)
    return "".join(made)


# -- writing: canonical surrogate → as the value was written ----------------------------------------------------------


def _filled(made: str, canonical: str, surface: str) -> str:
    """The letters and digits of ``made`` in the places of those of ``surface``, where they are as many."""
    fresh = [character for character in made if character.isalnum()]
    if len(fresh) != sum(map(str.isalnum, surface)):
        return made
    left = iter(fresh)
    return "".join(_as_large(next(left), character) if character.isalnum() else character for character in surface)


def _as_large(character: str, like: str) -> str:
    if like.isupper():
        return character.upper()
    return character.lower() if like.islower() else character


def _phone_written(made: str, canonical: str, surface: str) -> str:
    national = made.rpartition(" ")[2]
    digits = sum(map(str.isdigit, surface))
    everything = made.replace(" ", "").lstrip("+")
    international = surface.startswith(("+", "00")) or national == made
    for choice in (everything, "00" + everything) if international else (national, "0" + national, everything):
        if len(choice) == digits:
            left = iter(choice)
            return "".join(next(left) if character.isdigit() else character for character in surface)
    return made


def _name_written(made: str, canonical: str, surface: str) -> str:
    """Only the words of the name that the surface has, large or small as they are there."""
    fresh = dict(zip(reversed(canonical.split()), reversed(made.split()), strict=True))
    order = made.split()

    def other(match: re.Match[str]) -> str:
        word = match.group()
        name = fresh.get(word.casefold(), order[min(len(order) - 1, surface[: match.start()].count(" "))])
        if len(word) == 1:
            return name[:1].upper() if word.isupper() else name[:1].lower()
        return name.upper() if word.isupper() else name.lower() if word.islower() else name

    return re.sub(r"[^\s.]+", other, surface)


def _same_case(made: str, canonical: str, surface: str) -> str:
    return made.upper() if surface.isupper() else made.lower() if surface.islower() else _titled(made, surface)


def _titled(made: str, surface: str) -> str:
    """Each word large where the word in its place is."""
    left = iter(_WORD.findall(surface))

    def other(match: re.Match[str]) -> str:
        like, word = next(left, "X"), match.group()
        return word.upper() if like.isupper() and len(like) > 1 else word.capitalize() if like[:1].isupper() else word

    return _WORD.sub(other, made)


def _as_made(made: str, canonical: str, surface: str) -> str:
    return made


_WRITERS: dict[str, Callable[[str, str, str], str]] = {
    "PERSON": _name_written,
    "EMAIL_ADDRESS": _as_made,
    "PHONE_NUMBER": _phone_written,
    "IP_ADDRESS": _as_made,
    "URL": _as_made,
    "LOCATION": _same_case,
    "ORGANIZATION": _same_case,
}
