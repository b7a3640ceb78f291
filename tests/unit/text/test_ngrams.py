"""Word n-grams and their hashes."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.text.ngrams import ngram_hash, ngram_hashes, ngrams, overlapping, word_counts, words

# Few words, so that n-grams meet; marks, digits and letters of several scripts, so that they are words too.
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "don't", "É", "नमस्ते", "12", "-", "…", ""]), max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card, please!", ["my", "card", "please"]),
        ("don't", ["don", "t"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("E\u0301tat", ["état"]),
        ("<EMAIL_ADDRESS_1>", ["email", "address", "1"]),
        ("我的卡。在哪里?", ["我的卡", "在哪里"]),
        (" … ", []),
        ("", []),
    ],
    ids=["punctuation", "apostrophe", "marks", "composed", "placeholder", "no spaces", "no word", "empty"],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_ngrams_are_runs_of_words() -> None:
    assert ngrams("One, two THREE four", 3) == ["one two three", "two three four"]
    assert ngrams("one two", 3) == []


@pytest.mark.parametrize("n", [0, -1])
def test_an_ngram_has_a_word(n: int) -> None:
    for call in (
        lambda: ngrams("a", n),
        lambda: ngram_hashes(pa.array(["a"]), n),
        lambda: overlapping(pa.array(["a"]), np.zeros(1, np.uint64), n),
    ):
        with pytest.raises(ValueError, match="at least 1 word"):
            call()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.none() | TEXTS), st.integers(1, 5))
def test_a_column_has_the_ngrams_of_its_texts(texts: list[str | None], n: int) -> None:
    rows, hashes = ngram_hashes(pa.array(texts, pa.string()), n)
    expected = [(row, ngram_hash(gram.split(" "))) for row, text in enumerate(texts) for gram in ngrams(text or "", n)]
    assert list(zip(rows.tolist(), hashes.tolist(), strict=True)) == expected
    assert word_counts(pa.array(texts, pa.string())).tolist() == [len(words(text or "")) for text in texts]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.none() | TEXTS), st.lists(TEXTS), st.integers(1, 5))
def test_overlap_is_a_shared_ngram(texts: list[str | None], held_out: list[str], n: int) -> None:
    _, against = ngram_hashes(pa.array(held_out, pa.string()), n)
    known = {gram for text in held_out for gram in ngrams(text, n)}
    expected = [not known.isdisjoint(ngrams(text or "", n)) for text in texts]
    assert overlapping(pa.array(texts, pa.string()), against, n).tolist() == expected


def test_slices_change_nothing() -> None:
    texts = pa.array([f"row {number} of many" for number in range(45_000)])
    rows, hashes = ngram_hashes(texts, 4)
    assert np.array_equal(rows, np.arange(45_000))
    assert len(np.unique(hashes)) == 45_000
    shared = overlapping(texts, hashes[[0, 19_999, 20_000, 44_999]], 4)
    assert np.flatnonzero(shared).tolist() == [0, 19_999, 20_000, 44_999]


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "b"), ("b", "a")), (("ab",), ("a", "b")), (("a", "a"), ("a",)), (("",), ())],
    ids=["order", "borders", "length", "nothing"],
)
def test_hashes_tell_ngrams_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert ngram_hash(one) != ngram_hash(other)


def test_the_hash_is_the_one_that_is_written_down() -> None:
    def mix(value: int) -> int:
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        return value ^ value >> 31

    folded = 0
    for word in ("held", "out"):
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        folded = mix((folded + int.from_bytes(digest, "little")) % 2**64)
    assert ngram_hash(["held", "out"]) == folded == 17730227562443189498
