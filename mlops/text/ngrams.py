"""Word n-grams: which texts share a run of n words?

Overlap of 13-grams is how Brown et al. (2020, "Language Models are Few-Shot Learners", appendix C) looked for test
texts within training texts: case and punctuation do not count, words are parted by white space. Here a word is a run
of letters, marks and digits of the normalised text, so ``don't`` is two words, and a script that writes no spaces has
one word a clause.

N-grams are compared by a 64-bit hash. Of a pairs of different n-grams about a / 2^64 share one: between a billion
n-grams and a million others, one pair in 18 000 such comparisons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlops.text.normalise import Column, normalise_column

MOST_WORDS = 20

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

# Not the spaces, of which there are many: at those the text is split anyway.
_PUNCTUATION = r"[^\p{L}\p{M}\p{N} ]+"
_SLICE = 20_000


def words(text: str) -> list[str]:
    """The words of a text, normalised, in order.

    Raises:
        UnicodeEncodeError: the text holds half of a surrogate pair.
    """
    found: list[str] = _words(pa.array([text], pa.large_string()))[0].to_pylist()
    return found


def word_counts(texts: Column) -> Rows:
    """Words per text, shape (n,); 0 for null.

    Raises:
        pa.ArrowInvalid, pa.ArrowNotImplementedError: the column does not hold text.
    """
    parts = [np.bincount(rows, minlength=size) for _, rows, size in map(_sized, _slices(texts))]
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)


def ngrams(text: str, n: int) -> list[str]:
    """Every run of ``n`` words of a text, its words joined by one space; empty where the text has fewer words.

    Raises:
        ValueError: ``n`` is below 1.
    """
    _check(n)
    found = words(text)
    return [" ".join(found[start : start + n]) for start in range(len(found) - n + 1)]


def ngram_hash(ngram: Sequence[str]) -> int:
    """The stable 64-bit hash of one n-gram, given as its words: the same in every process, version and machine.

    Each word is hashed with BLAKE2b to 64 bits; from the first word to the last the hashes are added and mixed with
    the finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
    """
    folded = np.zeros(1, np.uint64)
    for word in _word_hashes(ngram):
        folded = _mix(folded + word)
    return int(folded[0])


def ngram_hashes(texts: Column, n: int) -> tuple[Rows, Hashes]:
    """The n-grams of every text: row of the text and :func:`ngram_hash`, both of shape (n-grams,), in order of rows.

    Raises:
        ValueError: ``n`` is below 1.
        pa.ArrowInvalid, pa.ArrowNotImplementedError: the column does not hold text.
    """
    _check(n)
    rows, hashes, start = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], 0
    for piece in _slices(texts):
        own, found = _piece(piece, n)
        rows.append(own + start)
        hashes.append(found)
        start += len(piece)
    return np.concatenate(rows), np.concatenate(hashes)


def overlapping(texts: Column, against: Hashes, n: int) -> npt.NDArray[np.bool_]:
    """Which texts share at least one n-gram with ``against``: shape (rows,), False for null and for short texts.

    Works through the column in slices, so that only the hashes of one slice are in memory.

    Args:
        against: hashes of :func:`ngram_hashes` with the same ``n``, in any order.

    Raises:
        ValueError, pa.ArrowInvalid, pa.ArrowNotImplementedError: as :func:`ngram_hashes`.
    """
    _check(n)
    known = np.unique(against)
    parts = [np.zeros(0, np.bool_)]
    for piece in _slices(texts):
        rows, hashes = _piece(piece, n)
        shared = np.zeros(len(piece), np.bool_)
        if known.size:
            place = np.minimum(np.searchsorted(known, hashes), known.size - 1)
            shared[rows[known[place] == hashes]] = True
        parts.append(shared)
    return np.concatenate(parts)


def _check(n: int) -> None:
    if n < 1:
        raise ValueError(f"expected n-grams of at least 1 word, found n = {n}")


def _slices(texts: Column) -> Iterable[Column]:
    return (texts.slice(start, _SLICE) for start in range(0, len(texts), _SLICE))


def _sized(texts: Column) -> tuple[pa.ChunkedArray, Rows, int]:
    return *_words(texts), len(texts)


def _words(texts: Column) -> tuple[pa.Array, Rows]:
    """All words of all texts in order, and the row of each."""
    spaced = pc.replace_substring_regex(normalise_column(texts), _PUNCTUATION, " ")
    lists = pc.split_pattern(pc.fill_null(spaced, ""), " ").combine_chunks()
    flat = pc.list_flatten(lists)
    real = pc.not_equal(flat, "")
    rows = pc.list_parent_indices(lists).filter(real)
    return flat.filter(real), rows.to_numpy(zero_copy_only=False).astype(np.int64)


def _piece(texts: Column, n: int) -> tuple[Rows, Hashes]:
    flat, rows = _words(texts)
    if len(flat) < n:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    coded = flat.dictionary_encode()
    hashes = _word_hashes(coded.dictionary.to_pylist())[coded.indices.to_numpy(zero_copy_only=False)]
    starts = len(flat) - n + 1
    folded = np.zeros(starts, np.uint64)
    for place in range(n):
        folded = _mix(folded + hashes[place : place + starts])
    within = rows[:starts] == rows[n - 1 :]
    return rows[:starts][within], folded[within]


def _word_hashes(each: Iterable[str]) -> Hashes:
    digests = (hashlib.blake2b(word.encode(), digest_size=8).digest() for word in each)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _mix(value: Hashes) -> Hashes:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
