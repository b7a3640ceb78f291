from __future__ import annotations

import pytest
from hypothesis import given, settings

from mlops.privacy.normalisation import BLANK, normalise
from tests.unit.privacy.chat_rows import texts


@pytest.mark.parametrize(
    ("text", "view"),
    [
        pytest.param("４１１１", "4111", id="full width"),
        pytest.param("٠١٢٣", "0123", id="Arabic-Indic digits"),
        pytest.param("a\u200bn\u2060n\u00ada", "anna", id="zero width and soft hyphen"),
        pytest.param("\u202eabc\u202c", "abc", id="bidi controls"),
        pytest.param("1\u00a02\u20093", "1 2 3", id="spaces"),
        pytest.param("1\u20132\u20143\u22124", "1-2-3-4", id="dashes"),
        pytest.param("I’m “x”", 'I\'m "x"', id="quotes"),
        pytest.param("a\\u0040b\\nc\\\\d", "a@b\nc\\d", id="JSON escapes"),
        pytest.param("a%40b&#64;c&#x40;d", "a@b@c@d", id="percent and entities"),
        pytest.param("x <PERSON_1> y", f"x {BLANK} y", id="placeholder"),
        pytest.param(f"x{BLANK}y", "xy", id="the blank itself"),
        pytest.param("<NOTHING_1>", "<NOTHING_1>", id="no placeholder of ours"),
    ],
)
def test_what_the_detectors_read(text: str, view: str) -> None:
    assert normalise(text).text == view


def test_plain_ascii_is_its_own_view() -> None:
    text = "call 555-0132, thanks"
    view = normalise(text)
    assert view.text is text
    assert view.source(5, 13) == (5, 13)


def test_a_span_covers_the_invisible_characters_inside_it() -> None:
    text = "x an\u200bna＠ex.com y"
    view = normalise(text)
    start = view.text.index("anna")
    low, high = view.source(start, start + len("anna@ex.com"))
    assert text[low:high] == "an\u200bna＠ex.com"


def test_an_escape_is_never_split() -> None:
    text = r'{"a":"\nbob"}'
    view = normalise(text)
    start = view.text.index("bob")
    assert text[slice(*view.source(start, start + 3))] == "bob"
    assert text[slice(*view.source(start - 1, start + 3))] == r"\nbob"


@settings(max_examples=150, deadline=None)
@given(texts())
def test_every_view_character_maps_to_its_own_source_in_order(text: str) -> None:
    view = normalise(text)
    position = 0
    for index in range(len(view.text)):
        start, end = view.source(index, index + 1)
        assert position <= start < end <= len(text)
        # A source piece may give several view characters, never the other way round.
        position = start


@settings(max_examples=100, deadline=None)
@given(texts())
def test_the_view_is_a_fixed_point(text: str) -> None:
    plain = normalise(text).text.replace(BLANK, "").replace("\\", "").replace("&", "").replace("%", "")
    if "<" not in plain:
        assert normalise(plain).text == plain
