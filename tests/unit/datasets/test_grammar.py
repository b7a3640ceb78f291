"""The grammar's notation, and that every phrasebook is complete."""

from __future__ import annotations

import contextlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.datasets.sample.grammar import compiled, expand, slot_names
from mlops.datasets.sample.identities import KINDS
from mlops.datasets.sample.phrasebook import PARTS, Phrasebook
from mlops.datasets.sample.scenario import BOOKS
from mlops.datasets.sample.ticket import ACTIONS, CASES, PRODUCTS

BOOK = pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS.keys())


def all_of(template: str, **slots: str) -> set[str]:
    return {expand(template, Random(seed), slots, {"f": "x{1|2}"}) for seed in range(200)}


@pytest.mark.parametrize(
    ("template", "sentences"),
    [
        ("plain", {"plain"}),
        ("{a|b} c", {"a c", "b c"}),
        ("a[ b]", {"a", "a b"}),
        ("{a|b{c|d}}", {"a", "bc", "bd"}),
        ("<s> and <f>", {"S and x1", "S and x2"}),
        ("a {|b} , c", {"a, c", "a b, c"}),
        ("1 < 2", {"1 < 2"}),
    ],
)
def test_a_template_stands_for_exactly_its_sentences(template: str, sentences: set[str]) -> None:
    assert all_of(template, s="S") == sentences


@pytest.mark.parametrize("template", ["{a", "a}", "[a", "a]", "{a]", "a|b"])
def test_brackets_that_do_not_pair_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="template"):
        compiled(template)


def _balanced(template: str) -> bool:
    """A second opinion: brackets pair, and no bar stands outside of all of them."""
    open_brackets: list[str] = []
    for character in template:
        if character in "{[":
            open_brackets.append(character)
        elif character in "}]|":
            if not open_brackets:
                return False
            if character != "|" and open_brackets.pop() + character not in ("{}", "[]"):
                return False
    return not open_brackets


@given(st.text("ab{}|[]<>", max_size=12))
def test_any_text_either_parses_or_is_refused(template: str) -> None:
    balanced = _balanced(template)
    with contextlib.nullcontext() if balanced else pytest.raises(ValueError, match="template"):
        compiled(template)


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError):
        expand("<nobody>", Random(0), {}, {})


@BOOK
def test_a_phrasebook_has_every_case_part_kind_noun_and_reply(book: Phrasebook) -> None:
    assert set(book.stories) == set(CASES)
    assert set(book.parts) == set(PARTS)
    assert set(book.identity) == set(KINDS)
    assert set(book.nouns) == {*PRODUCTS, "item"}
    assert set(book.replies) == {*ACTIONS, "refund_open"}


@BOOK
def test_every_template_of_a_phrasebook_uses_known_slots_only(book: Phrasebook) -> None:
    forms = set.intersection(*(set(noun.forms) for nouns in book.nouns.values() for noun in nouns))
    known = {"p", "q", "amount", "other", "value", "order", *forms, *book.fragments}
    groups = (*book.stories.values(), *book.parts.values(), *book.identity.values())
    templates = [*(text for group in groups for text in group), *book.fragments.values(), *book.replies.values()]
    for template in templates:
        compiled(template)
        assert slot_names(template) <= known
    assert all("p" in slot_names(story) for group in book.stories.values() for story in group)
