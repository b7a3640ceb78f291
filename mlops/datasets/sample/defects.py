"""What is wrong with a real export: repeated, empty, ill-typed and contract-breaking rows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from mlops.datasets.sample import noise

Row = dict[str, Any]

SHARES: dict[str, float] = {
    "exact_duplicate": 0.03,
    "near_duplicate": 0.01,
    "junk": 0.01,
    "wrong_type": 0.015,
    "contract": 0.02,
}
"""Expected share of rows by defect; all other rows are `clean`."""

LONG_CHARACTERS = 25_000
FUTURE = "2099-05-01T12:00:00Z"


def draw_defect(rng: Random) -> str:
    """The name of a defect, or `clean`."""
    return rng.choices((*SHARES, "clean"), (*SHARES.values(), 1.0 - sum(SHARES.values())))[0]


def exact_duplicate(original: Row, row: Row, rng: Random) -> Row:
    """The messages of `original` again under the id of `row`; a third differ in case and white space only."""
    twin = {**row, "language": original["language"], "messages": copy.deepcopy(original["messages"])}
    if rng.random() < 0.5:
        twin["conversation"] = original["conversation"]
    if rng.random() < 0.33:
        first = twin["messages"][0]
        first["content"] = "  " + first["content"].swapcase().replace(" ", "  ") + " "
    return twin


def near_duplicate(original: Row, row: Row, rng: Random) -> Row:
    """The messages of `original` with one word more."""
    twin = {**row, "language": original["language"], "messages": copy.deepcopy(original["messages"])}
    words = twin["messages"][0]["content"].split(" ")
    words.insert(rng.randrange(len(words) + 1), rng.choice(("again", "really", "also", "so", "well", "hm")))
    twin["messages"][0]["content"] = " ".join(words)
    return twin


def junk(row: Row, rng: Random) -> Row:
    """The customer's message without content, and a ticket that somebody filed all the same."""
    return {**row, "messages": [{"role": "user", "content": noise.keyboard_mash(rng)}, row["messages"][-1]]}


def wrong_type(row: Row, rng: Random) -> Row:
    """One field of another JSON type than the export promises."""
    change: tuple[str, Any] = rng.choice(
        (
            ("messages", row["messages"][0]["content"]),
            ("messages", None),
            ("messages", {"0": row["messages"][0]}),
            ("messages", [message["content"] for message in row["messages"]]),
            ("messages", [{**row["messages"][0], "content": 17}, *row["messages"][1:]]),
            ("created_at", 1767225600),
            ("created_at", row["created_at"][:19]),
            ("created_at", "yesterday"),
            ("language", [row["language"]]),
        )
    )
    return {**row, change[0]: change[1]}


def break_contract(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    """A row of the right types that no contract on this export should let through."""
    breaker: Callable[[Row, Random, Sequence[Row]], Row] = rng.choice(_BREAKERS)
    return breaker(row, rng, earlier)


def _unknown_role(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    first = {**row["messages"][0], "role": rng.choice(("bot", "customer", "supervisor"))}
    return {**row, "messages": [first, *row["messages"][1:]]}


def _too_long(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    text = row["messages"][0]["content"] + " "
    first = {**row["messages"][0], "content": text * (LONG_CHARACTERS // len(text) + 1)}
    return {**row, "messages": [first, *row["messages"][1:]]}


def _without_id(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    return {name: value for name, value in row.items() if name != "id"}


def _without_conversation(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    return {**row, "conversation": None}


def _repeated_id(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    return {**row, "id": rng.choice(earlier)["id"]}


def _from_the_future(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    return {**row, "created_at": FUTURE}


def _other_language(row: Row, rng: Random, earlier: Sequence[Row]) -> Row:
    return {**row, "language": rng.choice(("xx", "english", "pt"))}


_BREAKERS = (
    _unknown_role, _too_long, _without_id, _without_conversation, _repeated_id, _from_the_future, _other_language,
)  # fmt: skip
