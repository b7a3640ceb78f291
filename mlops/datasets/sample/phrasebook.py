"""What one language brings to the sample: fragments, stories, small parts of a talk, nouns and reply lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A word for a product together with the forms that agree with it (articles, possessives)."""

    word: str
    forms: Mapping[str, str]


@dataclass(frozen=True)
class Phrasebook:
    """Templates in the notation of `mlops.datasets.sample.grammar`.

    `stories` by (intent, action) with the slot `<p>`; `parts` by the name of the part; `identity` by the kind of
    personal data with the slot `<value>`; `nouns` by product, with `item` for a thing not yet named; `replies` by
    action with the slots `<p>` and `<amount>`, and `refund_open` for a refund whose sum nobody named. `money` holds
    ways to write a sum: `{n}` is the number with a point, `{c}` with a comma, `{s}` the symbol and `{w}` the word of
    the currency.
    """

    language: str
    fragments: Mapping[str, str]
    stories: Mapping[tuple[str, str], tuple[str, ...]]
    parts: Mapping[str, tuple[str, ...]]
    identity: Mapping[str, tuple[str, ...]]
    nouns: Mapping[str, tuple[Noun, ...]]
    replies: Mapping[str, str]
    money: tuple[str, ...]


PARTS: tuple[str, ...] = (
    "greeting", "small_talk", "small_talk_reply", "aside", "claim", "claim_invoice", "urgency_high", "urgency_low",
    "price_aside", "product_aside", "order_question", "order_answer", "product_question", "product_answer",
    "amount_question", "amount_answer", "correction", "closing", "urgent_note", "past_matter",
)  # fmt: skip
