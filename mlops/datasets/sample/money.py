"""Sums of money: the value, the form the ticket wants and the many forms people write."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from mlops.datasets.sample.ticket import CURRENCIES

_SYMBOL = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF "}
_WORD = {"EUR": "euros", "USD": "dollars", "GBP": "pounds", "CHF": "francs"}
_CENTS = (0, 0, 0, 50, 90, 95, 99, 20, 75, 49)


@dataclass(frozen=True)
class Sum:
    """An amount in hundredths of a currency."""

    cents: int
    currency: str

    def ticket(self) -> str:
        """The form of the ticket: `"49.90 EUR"`."""
        return f"{self.cents // 100}.{self.cents % 100:02d} {self.currency}"


def draw_currency(rng: Random, language: str) -> str:
    """Euros mostly; other languages than English pay in euros or francs."""
    return rng.choices(CURRENCIES, (45, 25, 20, 10) if language == "en" else (85, 0, 0, 15))[0]


def draw_sum(rng: Random, currency: str) -> Sum:
    """Between 4.00 and 399.99, small sums more often."""
    whole = rng.choice((rng.randrange(4, 40), rng.randrange(20, 100), rng.randrange(100, 400)))
    return Sum(whole * 100 + rng.choice(_CENTS), currency)


def written(value: Sum, shape: str) -> str:
    """The sum as text; whole sums lose their cents in half of the values. `shape` is one of `Phrasebook.money`."""
    whole, rest = divmod(value.cents, 100)
    short = rest == 0 and whole % 2 == 0
    number = str(whole) if short else f"{whole}.{rest:02d}"
    symbol = _SYMBOL[value.currency]
    if "{n}{s}" in shape or "{c} {s}" in shape:
        symbol = symbol.strip() if value.currency != "CHF" else " CHF"
    text = shape.replace("EUR", value.currency)
    text = text.replace("{n}", number).replace("{c}", number.replace(".", ","))
    return " ".join(text.replace("{s}", symbol).replace("{w}", _WORD[value.currency]).split())
