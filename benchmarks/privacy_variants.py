"""Values that are made up here, and the ways people and programs hide them: always the same, by seeded chance.

Cards pass Luhn, IBANs pass mod 97, addresses lie in example domains; none of them belongs to anybody.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mlops.privacy.evaluation import Label, Labelled

COUNT = 60  # values of each kind
_SENTENCES = {
    "EMAIL_ADDRESS": ("please write to {} about it", "my address is {}", "{} is where I read mail", "email: {}"),
    "PHONE_NUMBER": ("you can call me at {} tonight", "my phone number is {}", "ring {} and ask", "tel. {}"),
    "CREDIT_CARD": ("charge it to {} please", "my card number is {}", "card: {}", "the card {} was declined"),
    "IBAN_CODE": ("send it to {} please", "my IBAN is {}", "account {} at the bank", "IBAN: {}"),
    "US_SSN": ("my social security number is {}", "SSN: {}", "ssn {} on file", "the SSN on it reads {}"),
    "IP_ADDRESS": ("the host {} is down", "my IP is {}", "from {} since noon", "server: {}"),
}
_FIRST = ("anna", "carlos", "ewa", "john", "lena", "marta", "omar", "pierre", "sofia", "tom")
_LAST = ("becker", "costa", "dubois", "garcia", "jansen", "kowalska", "miller", "rossi", "smith", "young")
_HOMOGLYPHS = str.maketrans("aeocpxy", "аеосрху")
_AS_LETTERS = str.maketrans("015", "OlS")
_LEET = str.maketrans("aeo", "430")


class Value(NamedTuple):
    type: str
    text: str


def values() -> list[Value]:
    """COUNT values of each kind, as people write them."""
    chance = random.Random(5)
    makers = (_email, _phone, _card, _iban, _ssn, _ip)
    return [make(chance) for make in makers for _ in range(COUNT)]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


def _email(chance: random.Random) -> Value:
    joint = chance.choice((".", "_", "", "."))
    host = chance.choice(("example.com", "example.org", "mail.example.net", "shop.example.co.uk"))
    return Value("EMAIL_ADDRESS", f"{chance.choice(_FIRST)}{joint}{chance.choice(_LAST)}@{host}")


def _phone(chance: random.Random) -> Value:
    area = chance.choice(("202", "212", "312", "415", "512", "617", "718", "808"))
    rest = f"{chance.randint(2, 9)}{_digits(chance, 2)}", _digits(chance, 4)
    forms = (f"({area}) {rest[0]}-{rest[1]}", f"{area}-{rest[0]}-{rest[1]}", f"+1 {area} {rest[0]} {rest[1]}")
    return Value("PHONE_NUMBER", chance.choice(forms))


def _card(chance: random.Random) -> Value:
    start = chance.choice(("4", "51", "52", "55", "6011"))
    body = start + _digits(chance, 15 - len(start))
    weights = (sum(divmod(2 * int(digit), 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(body))
    whole = body + str(-sum(weights) % 10)
    joint = chance.choice((" ", "-"))
    return Value("CREDIT_CARD", joint.join(whole[place : place + 4] for place in range(0, 16, 4)))


def _iban(chance: random.Random) -> Value:
    country, length = chance.choice((("DE", 18), ("AT", 16), ("CH", 17), ("DK", 14)))
    body = _digits(chance, length)
    letters = "".join(str(ord(letter) - 55) for letter in country)
    whole = f"{country}{98 - int(body + letters + '00') % 97:02d}{body}"
    return Value("IBAN_CODE", " ".join(whole[place : place + 4] for place in range(0, len(whole), 4)))


def _ssn(chance: random.Random) -> Value:
    # Areas from 900 on and 666 were never given out and are refused, so an area that could be somebody's is needed.
    return Value("US_SSN", f"{chance.randint(101, 665)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}")


def _ip(chance: random.Random) -> Value:
    return Value(
        "IP_ADDRESS",
        f"{chance.choice(('10.20', '172.16', '192.168'))}.{chance.randint(0, 255)}.{chance.randint(1, 254)}",
    )


def _zero_width(value: Value, chance: random.Random) -> str:
    place = chance.randint(1, len(value.text) - 1)
    return "\u200b".join((value.text[:place], value.text[place : place + 3], value.text[place + 3 :]))


def _full_width(value: Value, chance: random.Random) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in value.text)


def _in_script(zero: str) -> Callable[[Value, random.Random], str]:
    shift = ord(zero) - ord("0")
    assert unicodedata.decimal(zero) == 0
    return lambda value, _: "".join(chr(ord(one) + shift) if one.isdigit() else one for one in value.text)


def _no_break(value: Value, chance: random.Random) -> str:
    return value.text.replace(" ", "\u00a0").replace("-", "\u00a0")


def _spaced(value: Value, chance: random.Random) -> str:
    return " ".join(value.text.replace(" ", "").replace("-", "").replace("(", "").replace(")", ""))


def _broken(value: Value, chance: random.Random) -> str:
    """A line break where a line would break: behind a space or a dash, before the @, else before the middle dot."""
    for mark, after in ((" ", True), ("-", True), ("@", False)):
        places = [place for place, letter in enumerate(value.text) if letter == mark]
        if places:
            place = chance.choice(places)
            return (
                value.text[:place]
                + ("\n" if mark == " " else mark + "\n" if after else "\n@")
                + value.text[place + 1 :]
            )
    return value.text


def _leet(value: Value, chance: random.Random) -> str:
    if value.type != "EMAIL_ADDRESS":
        return value.text.translate(_AS_LETTERS)
    name, _, host = value.text.partition("@")
    host, _, top = host.rpartition(".")
    return f"{name.translate(_LEET)}@{host.translate(_LEET)}.{top}"


_Variant = Callable[[Value, random.Random], str]
_EMAIL = frozenset({"EMAIL_ADDRESS"})
_NUMBERS = frozenset(_SENTENCES) - _EMAIL
_GROUPED = _NUMBERS - {"IP_ADDRESS"}
_ALL = frozenset(_SENTENCES)


def _at(text: str) -> _Variant:
    return lambda value, _: value.text.replace("@", text)


# Name → what it is applied to, and how.
VARIANTS: dict[str, tuple[frozenset[str], _Variant]] = {
    "as they are": (_ALL, lambda value, _: value.text),
    "zero-width characters": (_ALL, _zero_width),
    "full-width characters": (_ALL, _full_width),
    "Arabic-Indic digits": (_NUMBERS, _in_script("\u0660")),
    "Devanagari digits": (_NUMBERS, _in_script("\u0966")),
    "groups by no-break spaces": (_GROUPED, _no_break),
    "Cyrillic homoglyphs": (_EMAIL, lambda value, _: value.text.translate(_HOMOGLYPHS)),
    "the words at and dot": (_EMAIL, lambda value, _: value.text.replace("@", " at ").replace(".", " dot ")),
    "[at] and [dot]": (_EMAIL, lambda value, _: value.text.replace("@", " [at] ").replace(".", " [dot] ")),
    "%40": (_EMAIL, _at("%40")),
    "\\u0040": (_EMAIL, _at("\\u0040")),
    "entities": (_EMAIL, lambda value, chance: _at(chance.choice(("&#64;", "&#x40;", "&commat;")))(value, chance)),
    "spaced digits": (_GROUPED, _spaced),
    "leet, letters for digits": (_ALL - {"IP_ADDRESS"}, _leet),
    "line breaks": (_GROUPED | _EMAIL, _broken),
}


def obfuscated() -> Iterator[tuple[str, list[Labelled]]]:
    """Each variant with its labelled texts; values that it cannot change are left out."""
    for name, (types, hide) in VARIANTS.items():
        chance = random.Random(name)
        rows = []
        for place, value in enumerate(values()):
            hidden = hide(value, chance) if value.type in types else value.text
            if value.type in types and (hidden != value.text or name == "as they are"):
                rows.append(in_sentence(value.type, hidden, _SENTENCES[value.type][place % 4]))
        yield name, rows


def in_sentence(kind: str, value: str, sentence: str) -> Labelled:
    """The value in place of the sentence's {}, labelled as the kind."""
    start = sentence.index("{}")
    return Labelled(sentence.replace("{}", value), (Label(start, start + len(value), kind),))


_ORIGINS = {
    "Brazil": "pt_BR",
    "France": "fr_FR",
    "Germany": "de_DE",
    "India": "en_IN",
    "Indonesia": "id_ID",
    "Italy": "it_IT",
    "Netherlands": "nl_NL",
    "Nigeria": "yo_NG",
    "Poland": "pl_PL",
    "Spain": "es_ES",
    "Turkey": "tr_TR",
    "United States": "en_US",
    "Vietnam": "vi_VN",
}
_NAMED = (
    "Hello, my name is {} and I need help with my order.",
    "Could you book the table for {} please?",
    "{} will pick it up on Friday.",
    "I talked to {} yesterday and nothing happened.",
    "Please send the invoice to {}, not to me.",
    "Thanks,\n{}",
)


def names_by_origin(count: int = 25) -> Iterator[tuple[str, list[Labelled]]]:
    """First and last names of Faker's tables, in sentences with and without a cue."""
    from faker import Faker

    for origin, locale in _ORIGINS.items():
        faker = Faker(locale)
        faker.seed_instance(7)
        names = [f"{faker.first_name()} {faker.last_name()}" for _ in range(count)]
        yield origin, [in_sentence("PERSON", name, sentence) for name in names for sentence in _NAMED]
