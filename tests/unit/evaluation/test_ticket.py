"""Reading and comparing tickets."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.evaluation.ticket import parse_ticket, reply_of, score_ticket, token_f1

FIELDS = {
    "intent": "refund",
    "product": "router",
    "urgency": "high",
    "amount": "49.90 EUR",
    "action": "refund_payment",
}
LINE = json.dumps(FIELDS, separators=(",", ":"))
REFERENCE = f"{LINE}\nWe will refund 49.90 EUR for your router."


def test_the_right_answer_has_every_score() -> None:
    assert set(score_ticket(REFERENCE, REFERENCE).values()) == {1.0}


def test_one_wrong_field_costs_that_field_and_the_exact_match_only() -> None:
    scores = score_ticket(REFERENCE.replace('"high"', '"low"'), REFERENCE)
    assert {name for name, value in scores.items() if value == 0} == {"urgency_match", "ticket_exact_match"}


def test_order_and_spaces_of_the_object_do_not_matter() -> None:
    shuffled = json.dumps(dict(reversed(FIELDS.items())), indent=None)
    assert parse_ticket(f"  {shuffled}  \nreply") == FIELDS


NO_TICKETS = {
    "empty": "",
    "prose": "I will refund it.",
    "prose_first": f"Here it is:\n{LINE}",
    "truncated": LINE[:-5],
    "text_after": f"{LINE} done",
    "two_objects": LINE + LINE,
    "list": f"[{LINE}]",
    "number": "3",
    "null": "null",
    "key_missing": json.dumps({k: v for k, v in FIELDS.items() if k != "action"}),
    "key_extra": json.dumps({**FIELDS, "note": "x"}),
    "key_twice": LINE[:-1] + ',"intent":"cancel"}',
    "value_no_string": json.dumps({**FIELDS, "amount": 49.9}),
    "value_null": json.dumps({**FIELDS, "amount": None}),
    "nested_deeply": "[" * 100_000,
    "huge_number": "9" * 10_000,
    "nan": LINE.replace('"high"', "NaN"),
}


@pytest.mark.parametrize("text", NO_TICKETS.values(), ids=NO_TICKETS.keys())
def test_a_line_that_is_no_ticket_scores_nothing(text: str) -> None:
    assert parse_ticket(text) is None
    scores = score_ticket(text, REFERENCE)
    assert {scores[name] for name in scores if name != "reply_f1"} == {0.0}


def test_a_reference_that_is_no_ticket_gives_no_score_and_not_a_zero() -> None:
    scores = score_ticket(REFERENCE, "broken")
    assert scores["valid_json"] == 1.0
    assert all(math.isnan(value) for name, value in scores.items() if name != "valid_json")


def test_token_f1_gives_the_known_number() -> None:
    """The fox and the log: 6 of 8 and 9 words are shared."""
    first = "The quick brown fox jumps over the lazy dog"
    second = "The quick brown dog jumps on the log."
    assert token_f1(first, second) == pytest.approx(0.70588, abs=5e-6)


@given(st.text(), st.text())
def test_token_f1_is_symmetric_and_bounded(first: str, second: str) -> None:
    value = token_f1(first, second)
    assert 0 <= value <= 1
    assert value == token_f1(second, first)
    assert token_f1(first, first) == 1


@given(st.text())
def test_any_text_gets_finite_scores(text: str) -> None:
    assert all(0 <= value <= 1 for value in score_ticket(text, REFERENCE).values())


def test_the_reply_is_what_follows_the_first_line() -> None:
    assert reply_of("a\n b \n c\n") == "b \n c"
    assert reply_of("a") == ""
