"""What happened to one customer: the ticket to be found, and the facts that surround it in the talk."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from mlops.datasets.sample import identities, money
from mlops.datasets.sample.english_talk import ENGLISH
from mlops.datasets.sample.french import FRENCH
from mlops.datasets.sample.german import GERMAN
from mlops.datasets.sample.phrasebook import Noun, Phrasebook
from mlops.datasets.sample.spanish import SPANISH
from mlops.datasets.sample.ticket import CASES, MONEY_ACTIONS, NO_AMOUNT, PRODUCTS, URGENCIES, Ticket

BOOKS: dict[str, Phrasebook] = {book.language: book for book in (ENGLISH, GERMAN, FRENCH, SPANISH)}
FOREIGN_SHARE = 0.08
PAST_SHARE = 0.22
"""Share of talks with a matter that was settled earlier and is not what the ticket is about."""
SHAPES: tuple[str, ...] = (
    "single", "order", "small_talk", "small_talk_order", "product", "amount", "correction",
)  # fmt: skip
_SHAPE_WEIGHTS = (44, 18, 12, 7, 7, 7, 5)
_AMOUNT_CHANCE = {"refund_payment": 0.8, "correct_invoice": 0.75, "send_return_label": 0.4}


@dataclass(frozen=True)
class Scenario:
    """The facts of one conversation.

    `amount` and `other` are sums as the customer writes them (`amount` is empty where no sum is claimed);
    `other_product` is a product that is mentioned but is not the subject; `personal` holds (kind, value) pairs that
    the talk may use; `signed` tells whether the customer's name may stand below a message.
    """

    ticket: Ticket
    book: Phrasebook
    shape: str
    product: Noun
    other_product: Noun
    amount: str
    other: str
    price_aside: bool
    product_aside: bool
    person: str
    signed: bool
    personal: tuple[tuple[str, str], ...]
    order: str
    past_matter: bool


def draw_scenario(
    rng: Random, *, language: str | None = None, person: str | None = None, with_personal: bool = True
) -> Scenario:
    """Draw the facts; a language or a known customer may be given, personal data may be left out."""
    book = BOOKS[language or _draw_language(rng)]
    intent, action = rng.choice(CASES)
    product, other_product = rng.sample(PRODUCTS, 2)
    urgency = rng.choices(URGENCIES, (30, 48, 22))[0]
    currency = money.draw_currency(rng, book.language)
    claimed, other = money.draw_sum(rng, currency), money.draw_sum(rng, currency)
    with_amount = action in MONEY_ACTIONS and rng.random() < _AMOUNT_CHANCE[action]
    name = person or identities.person(rng)
    shape = rng.choices(SHAPES, _SHAPE_WEIGHTS)[0]
    if shape == "amount" and not with_amount:
        shape = "order"
    ticket = Ticket(intent, product, urgency, claimed.ticket() if with_amount else NO_AMOUNT, action)
    return Scenario(
        ticket=ticket,
        book=book,
        shape=shape,
        product=rng.choice(book.nouns[product]),
        other_product=rng.choice(book.nouns[other_product]),
        amount=money.written(claimed, rng.choice(book.money)) if with_amount else "",
        other=money.written(other, rng.choice(book.money)),
        price_aside=rng.random() < 0.16,
        product_aside=shape != "correction" and rng.random() < 0.2,
        person=name,
        signed=with_personal,
        personal=_draw_personal(rng, name) if with_personal else (),
        order=identities.order_number(rng),
        past_matter=with_personal and rng.random() < PAST_SHARE,
    )


def reply_line(ticket: Ticket, book: Phrasebook) -> str:
    """The one-line reply: a function of the ticket alone, so that it can be checked against it."""
    open_refund = ticket.action == "refund_payment" and ticket.amount == NO_AMOUNT
    noun = book.nouns[ticket.product][0]
    text = book.replies["refund_open" if open_refund else ticket.action]
    for name, value in {**noun.forms, "p": noun.word, "amount": ticket.amount}.items():
        text = text.replace(f"<{name}>", value)
    note = f" {book.parts['urgent_note'][0]}" if ticket.urgency == "high" else ""
    return joined_articles(text) + note


def joined_articles(text: str) -> str:
    """Close the space after an elided article (`l' écran`)."""
    return text.replace("l' ", "l'").replace("L' ", "L'")


def _draw_language(rng: Random) -> str:
    return rng.choice(("de", "fr", "es")) if rng.random() < FOREIGN_SHARE else "en"


def _draw_personal(rng: Random, name: str) -> tuple[tuple[str, str], ...]:
    count = rng.choices((0, 1, 2), (42, 42, 16))[0]
    kinds = rng.sample(identities.KINDS, count)
    return tuple((kind, identities.value_of(kind, rng, name)) for kind in kinds)
