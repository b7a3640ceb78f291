"""One form for texts that only look different."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.text.normalise import normalise, normalise_column

TEXTS = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refund", "REFUND"),
        ("Straße", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("ｏｒｄｅｒ １２", "order 12"),
        ("ﬁle", "file"),
        (" two\u00a0\u2003words\n", "two words"),
        ("a\x0bb\x1cc", "a b c"),
        ("ΟΔΟΣ", "οδος"),
    ],
    ids=["case", "sharp s", "accent", "wide", "ligature", "spaces", "controls that are spaces", "final sigma"],
)
def test_texts_that_only_look_different_are_one(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("refund", "re fund"), ("resume", "résumé"), ("1", "l"), ("a", "а")],
    ids=["a space within", "an accent", "digit and letter", "another script"],
)
def test_texts_that_differ_stay_two(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(TEXTS)
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@settings(deadline=None)
@given(st.lists(st.none() | TEXTS | st.text(st.characters(max_codepoint=127))))
def test_a_column_is_normalised_as_its_texts_are(texts: list[str | None]) -> None:
    expected = [None if text is None else normalise(text) for text in texts]
    assert normalise_column(pa.array(texts, pa.string())).to_pylist() == expected


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_every_text_type_is_read(kind: pa.DataType) -> None:
    column = pa.chunked_array([pa.array(["A  b", None], pa.string()), pa.array(["Ä"], pa.string())]).cast(kind)
    found = normalise_column(column)
    assert (found.type, found.to_pylist()) == (pa.large_string(), ["a b", None, "ä"])


def test_a_column_without_text_is_refused() -> None:
    with pytest.raises((pa.ArrowInvalid, pa.ArrowNotImplementedError)):
        normalise_column(pa.array([[1]]))
