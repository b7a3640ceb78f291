"""Invented people and their personal data, only from ranges that are reserved for examples, tests or fiction.

- e-mail: example.com/.org/.net (RFC 2606); IP: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 (RFC 5737) and
  2001:db8::/32 (RFC 3849)
- phones: United States 555-0100 … 0199; United Kingdom 020 7946 0000 … 0999 and 07700 900000 … 900999 (Ofcom);
  Germany 030 23125 000 … 999 (Bundesnetzagentur); France 01 99 00, 06 39 98 (Arcep)
- cards: the networks' published test prefixes with a computed Luhn digit (ISO/IEC 7812-1)
- IBAN: bank codes that are not assigned (zeros, or the letters TEST) with computed ISO 7064 mod 97-10 check digits
- social security: 987-65-4320 … 4329, kept for advertisements
- post codes: areas that do not exist; names, streets and towns: common words put together
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_GIVEN = (
    "Mara", "Jona", "Tilda", "Fenn", "Orla", "Bram", "Ivo", "Selma", "Rufus", "Wanda", "Odo", "Lene", "Tamsin",
    "Corin", "Dagny", "Elmo", "Freda", "Gideon", "Hedda", "Ilka", "Juno", "Kester", "Lorna", "Milo", "Nella",
    "Oskar", "Petra", "Quinn", "Rhea", "Silas", "Thora", "Ulla", "Vera", "Wilma", "Xenia", "Yara", "Zeno",
    "Anouk", "Basil", "Celia",
)  # fmt: skip
_FAMILY_HEAD = (
    "Fen", "Birch", "Stone", "Heather", "Ash", "Winter", "Harbour", "Marsh", "Clover", "Thistle", "Amber",
    "Raven", "Oak", "Willow", "Moor", "Frost", "Sparrow", "Bell", "Copper", "Hazel", "Linden", "Meadow",
    "Pebble", "Rowan", "Tide",
)  # fmt: skip
_FAMILY_TAIL = (
    "wood", "field", "ford", "brook", "well", "ley", "croft", "mere", "dale", "gate",
)  # fmt: skip
_STREET_HEAD = (
    "Maple", "Quarry", "Orchard", "Lantern", "Mill", "Juniper", "Station", "Beacon", "Canal", "Chestnut",
    "Foundry", "Garden", "Harbour", "Ivy",
)  # fmt: skip
_TOWN_HEAD = (
    "North", "South", "Lake", "Stone", "Green", "White", "Silver", "Upper", "Lower", "Grand", "Fair", "High",
)  # fmt: skip
_TOWN_TAIL = (
    "bridge", "haven", "field", "brook", "cross", "port", "mead", "holm", "wick", "combe",
)  # fmt: skip
_BANKS = (("DE", "00000000", 10), ("AT", "00000", 11), ("GB", "TEST", 14), ("NL", "TEST", 10))
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def person(rng: Random) -> str:
    """Given and family name, e.g. of the form "Mara Fenwood"."""
    return f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY_HEAD)}{rng.choice(_FAMILY_TAIL)}"


def email(rng: Random, name: str) -> str:
    """An address under a reserved example domain, made from the name."""
    given, family = name.lower().split(" ", 1)
    shapes = (f"{given}.{family}", f"{given[0]}.{family}", f"{family}{rng.randrange(10, 99)}", f"{given}_{family[:4]}")
    return f"{rng.choice(shapes)}@{rng.choice(('example.com', 'example.org', 'example.net', 'mail.example.com'))}"


def phone(rng: Random) -> str:
    """A number kept for fiction in the US, UK, Germany or France, in one of the usual notations."""
    last = f"{rng.randrange(100, 200):04d}"
    three = f"{rng.randrange(1000):03d}"
    pair = f"{rng.randrange(10, 100)} {rng.randrange(10, 100)}"
    area = rng.choice(("212", "312", "415", "617", "702"))
    shapes = (
        f"({area}) 555-{last}", f"+1 {area} 555 {last}", f"{area}-555-{last}", f"020 7946 0{three}",
        f"+44 20 7946 0{three}", f"07700 900{three}", f"+44 7700 900{three}", f"030 23125 {three}",
        f"+49 30 23125{three}", f"01 99 00 {pair}", f"+33 6 39 98 {pair}",
    )  # fmt: skip
    return rng.choice(shapes)


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` + digit valid (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(digits))]
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def card(rng: Random) -> str:
    """A card number under a published test prefix that passes the Luhn check, grouped or not."""
    prefix, length = rng.choice((("411111", 16), ("424242", 16), ("555555", 16), ("601111", 16), ("378282", 15)))
    body = prefix + "".join(str(rng.randrange(10)) for _ in range(length - 1 - len(prefix)))
    number = body + luhn_digit(body)
    if length == 15:
        groups = [number[:4], number[4:10], number[10:]]
    else:
        groups = [number[start : start + 4] for start in range(0, 16, 4)]
    return rng.choice((" ", "-", "", " ")).join(groups)


def iban(rng: Random) -> str:
    """An IBAN (ISO 13616) of an unassigned bank code with valid check digits, grouped in fours or not."""
    country, bank, digits = rng.choice(_BANKS)
    account = bank + "".join(str(rng.randrange(10)) for _ in range(digits))
    number = country + iban_check(country, account) + account
    return rng.choice((number, " ".join(number[start : start + 4] for start in range(0, len(number), 4))))


def iban_check(country: str, account: str) -> str:
    """The two check digits of an IBAN: 98 - (account, country and 00 as a number) mod 97."""
    as_number = "".join(str(int(character, 36)) for character in account + country + "00")
    return f"{98 - int(as_number) % 97:02d}"


def ssn(rng: Random) -> str:
    """One of the ten numbers kept for advertisements."""
    return f"987-65-432{rng.randrange(10)}"


def ip(rng: Random) -> str:
    """An IPv4 or IPv6 address of the documentation ranges."""
    if rng.random() < 0.2:
        return f"2001:db8::{rng.randrange(1, 65536):x}:{rng.randrange(1, 65536):x}"
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}"


def address(rng: Random) -> str:
    """House number, street, town and a post code of an area that does not exist."""
    house = rng.randrange(1, 199)
    street = rng.choice(_STREET_HEAD)
    town = f"{rng.choice(_TOWN_HEAD)}{rng.choice(_TOWN_TAIL)}"
    shapes = (
        f"{house} {street} {rng.choice(('Lane', 'Street', 'Road', 'Avenue'))}, {town}",
        f"{house} {street} St, {town} 000{rng.randrange(10, 100)}",
        f"{street}weg {house}, 00{rng.randrange(100, 1000)} {town}",
        f"{house} rue {street}, 00{rng.randrange(100, 1000)} {town}",
        f"Flat {rng.randrange(1, 30)}, {house} {street} Close, {town} ZZ{rng.randrange(1, 10)} 9ZZ",
    )
    return rng.choice(shapes)


def token(rng: Random) -> str:
    """A secret of the shape of an access token, marked as a test one."""
    return rng.choice(("tok_test_", "sk_test_", "key-test-")) + "".join(rng.choice(_ALPHABET) for _ in range(20))


def password(rng: Random) -> str:
    """A password as people choose them."""
    first, second = rng.choice(_FAMILY_HEAD), rng.choice(_TOWN_TAIL)
    return f"{first}{rng.choice(('-', '!', '_', ''))}{second}{rng.randrange(10, 9999)}"


def birth_date(rng: Random) -> str:
    """A date between 1940 and 2004 in one of four notations."""
    year, month, day = rng.randrange(1940, 2005), rng.randrange(1, 13), rng.randrange(1, 29)
    shape = rng.choice(("{y}-{m:02d}-{d:02d}", "{d:02d}.{m:02d}.{y}", "{m:02d}/{d:02d}/{y}", "{d}/{m}/{y}"))
    return shape.format(y=year, m=month, d=day)


def customer_number(rng: Random) -> str:
    """The shop's own customer number."""
    return f"C-{rng.randrange(100000, 999999)}"


def order_number(rng: Random) -> str:
    """The shop's own order number, in one of three notations."""
    return rng.choice(("A-{:05d}", "#{:06d}", "ord {:05d}")).format(rng.randrange(10000, 99999))


_KINDS: dict[str, Callable[[Random], str]] = {
    "phone": phone, "card": card, "iban": iban, "ssn": ssn, "ip": ip, "address": address, "token": token,
    "password": password, "birth_date": birth_date, "customer_number": customer_number,
}  # fmt: skip
KINDS: tuple[str, ...] = ("name", "email", *_KINDS)


def value_of(kind: str, rng: Random, name: str) -> str:
    """Draw a value of one of `KINDS` for the person called `name`."""
    if kind == "name":
        return name
    return email(rng, name) if kind == "email" else _KINDS[kind](rng)
