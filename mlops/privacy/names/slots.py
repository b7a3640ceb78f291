"""What the slots of a template are filled with."""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib.resources import files

from mlops.privacy.names.tables import ORIGINS, Tables, held_out

_TEMPLATES = files("mlops.privacy.names") / "templates"


def _lines(name: str) -> list[str]:
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("#")]


PLAIN: dict[str, list[str]] = {
    name: values.split(", ") for name, values in (line.split(": ", 1) for line in _lines("slots.txt"))
}
_STREETS = _lines("streets.txt")
_COMPANY_ENDS = _lines("company_ends.txt")
_KIN = ["aunt", "uncle", "cousin", "auntie", "grandma", "grandpa", "Aunt", "Uncle", "Grandma", "Grandpa", "Auntie"]
_PARTICLES = {
    "german": ("von",),
    "dutch": ("van", "de", "van der", "van den"),
    "portuguese": ("da", "dos", "de"),
    "italian": ("di", "de"),
    "french": ("de", "du", "le"),
    "hispanic": ("de la", "del", "de"),
    "arabic": ("al", "el", "bin"),
}
_ENGLISH_WEIGHT = 5
_SPLICED = {"first": 0.1, "last": 0.3}


class Filler:
    """Fills slots by chance, from the names that are not held out."""

    def __init__(self, tables: Tables, chance: random.Random) -> None:
        self._chance = chance
        self._people = {
            part: {origin: tuple(n for n in names if not held_out(n)) for origin, names in table.items()}
            for part, table in (("first", tables.first), ("last", tables.last))
        }
        self._origins = [origin for origin in ORIGINS if self._people["first"][origin]]
        self._weights = [_ENGLISH_WEIGHT if origin == "english" else 1 for origin in self._origins]
        self._cities = tuple(city for city in tables.cities if not held_out(city))
        self._companies = tuple(name for name in tables.companies if not held_out(name))
        # The words of all languages count as vocabulary; sentences are made up of the project's own, English ones.
        self._words = tuple(word for word in tables.words if word.isascii())
        self._countries = tables.countries
        self._entities: dict[str, tuple[Callable[[], str], str]] = {
            "per": (self.person, "PERSON"),
            "one": (self._one, "PERSON"),
            "first": (lambda: self._part("first", self._origin()), "PERSON"),
            "last": (lambda: self._last(self._origin()), "PERSON"),
            "kin": (self._kin, "PERSON"),
            "drname": (self._listed_person, "PERSON"),
            "city": (lambda: self._chance.choice(self._cities), "LOCATION"),
            "street": (self._street, "LOCATION"),
            "org": (self._company, "ORGANIZATION"),
        }
        self._others: dict[str, Callable[[], str]] = {
            "num": lambda: str(chance.choice((chance.randint(1, 12), chance.randint(1, 99999)))),
            "money": lambda: chance.choice(("$", "€", "£", "")) + f"{chance.randint(1, 3000)}",
            "time": self._time,
            "date": self._date,
            "email": lambda: f"{chance.choice(self._words)}{chance.randint(1, 99)}@example.com",
            "country": lambda: chance.choice((chance.choice(self._countries), chance.choice(PLAIN["country"]))),
            "handle": lambda: f"{chance.choice(self._words)}_{chance.choice(self._words)}",
            "word": lambda: chance.choice(self._words),
            "Word": lambda: chance.choice(self._words).capitalize(),
            "WORD": lambda: chance.choice(self._words).upper(),
            "Thing": lambda: chance.choice(PLAIN["thing"]).capitalize(),
            "Title": lambda: " ".join(chance.choice(self._words).capitalize() for _ in range(chance.randint(1, 4))),
        }

    def fill(self, slot: str) -> tuple[str, str]:
        """The text of a slot, and its entity type or nothing."""
        if slot in self._entities:
            make, kind = self._entities[slot]
            return make(), kind
        if slot in self._others:
            return self._others[slot](), ""
        return self._chance.choice(PLAIN[slot]), ""

    def person(self) -> str:
        """First name, both, both with an initial, a middle name or a particle, or the last name first."""
        origin = self._origin()
        first, last = self._part("first", origin), self._last(origin)
        form = self._chance.random()
        if form < 0.27:
            return first
        if form < 0.78:
            return f"{first} {last}"
        if form < 0.84:
            return f"{first} {self._chance.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if form < 0.90:
            return f"{first} {self._part('first', origin)} {last}"
        if form < 0.94:
            return f"{first} {last}-{self._last(origin)}" if form < 0.92 else f"{first} {last} {self._last(origin)}"
        return last if form < 0.97 else f"{last}, {first}" if form < 0.985 else f"{first[0]}. {last}"

    def _origin(self) -> str:
        return self._chance.choices(self._origins, self._weights)[0]

    def _part(self, part: str, origin: str) -> str:
        names = self._people[part][origin]
        name = self._chance.choice(names)
        if self._chance.random() >= _SPLICED[part]:
            return name
        # A name that no table holds: the head of one and the tail of another.
        other = self._chance.choice(names)
        return f"{name[: max(2, len(name) // 2)]}{other[len(other) // 2 :].lower()}"

    def _last(self, origin: str) -> str:
        last = self._part("last", origin)
        particles = _PARTICLES.get(origin)
        return f"{self._chance.choice(particles)} {last}" if particles and self._chance.random() < 0.12 else last

    def _one(self) -> str:
        return self._part("first", self._origin()) if self._chance.random() < 0.5 else self._last(self._origin())

    def _kin(self) -> str:
        if self._chance.random() < 0.2:
            return f"{self._chance.choice(_KIN)} {self._part('first', self._origin())}"
        return self._part("first", self._origin()) if self._chance.random() < 0.6 else self.person()

    def _listed_person(self) -> str:
        """A name as directories write it: often the last name first, with initials, without a comma."""
        origin = self._origin()
        first, last = self._part("first", origin), self._last(origin)
        initial = self._chance.choice("ABCDEFGHJKLMNPRSTW")
        return self._chance.choice(
            (
                f"{first} {last}",
                f"{first} {last}",
                f"{last} {first}",
                f"{last} {first} {initial}",
                f"{last} {first} {initial}.",
                f"{first} {initial}. {last}",
                f"{first} {initial} {last}",
                f"{last} {self._last(origin)} {first}",
                f"{last} {self._part('first', origin)} {first}",
            )
        )

    def _street(self) -> str:
        name = self._chance.choice((self._last("english"), self._last(self._origin()), self._word()))
        form = self._chance.choice(_STREETS)
        return form.format(number=self._chance.randint(1, 9999), name=name, small=self._chance.randint(1, 300))

    def _word(self) -> str:
        return self._chance.choice(self._words).capitalize()

    def _company(self) -> str:
        form = self._chance.random()
        if form < 0.25:
            return self._chance.choice(self._companies)
        stem = self._chance.choice(
            (self._last(self._origin()), self._last("english"), self._word(), f"{self._word()} {self._word()}")
        )
        if form < 0.75:
            return f"{stem} {self._chance.choice(_COMPANY_ENDS)}"
        if form < 0.85:
            return f"{stem}'s {self._chance.choice(_COMPANY_ENDS)}"
        if form < 0.89:
            return f"The {self._word()} {self._word()}"
        return f"{stem} & {self._last('english')}"

    def _time(self) -> str:
        hour, minute = self._chance.randint(1, 12), self._chance.choice(("00", "15", "30", "45"))
        forms = (f"{hour}:{minute}", f"{hour} pm", f"{hour}{minute}pm", f"{hour}:{minute} PM", f"half past {hour}")
        return self._chance.choice((*forms, "noon", "evening", f"{hour} in the morning", f"{hour} o'clock"))

    def _date(self) -> str:
        day, month = self._chance.randint(1, 28), self._chance.choice(PLAIN["month"])
        weekday = self._chance.choice(PLAIN["weekday"])
        forms = (
            f"{month} {day}",
            f"{month} {day}th",
            f"{day} {month}",
            f"the {day}th",
            f"{weekday}",
            f"next {weekday}",
        )
        more = (f"the {day}th of {month}", f"{weekday}, {month} the {day}th", "tomorrow", "today", "tonight")
        return self._chance.choice((*forms, *more, f"{weekday} night", f"{day}/{self._chance.randint(1, 12)}"))
