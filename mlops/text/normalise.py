"""One form for texts that only look different: Unicode composition, compatibility forms, case and white space.

The form is NFKC_Casefold of the Unicode Standard (section 3.13, definition R5, after the compatibility caseless match
D146) with two differences: characters that display nothing are kept, and runs of white space become one space.
"""

from __future__ import annotations

import unicodedata
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Column: TypeAlias = pa.Array | pa.ChunkedArray

# The white space of ``str.split`` within ASCII; RE2's own class leaves some of it out.
_ASCII_SPACE = r"[\x09-\x0d\x1c-\x20]+"
_UNTIDY = r"[\x09-\x0d\x1c-\x1f]|  |^ | $"


def normalise(text: str) -> str:
    """``text`` in the form in which two texts are compared; normalising it again changes nothing.

    Wide and narrow letters, ligatures and letters with separate accents are one (NFKC); upper and lower case are one
    (full case folding, so ``ß`` is ``ss``); white space within is one space, and there is none outside.
    """
    if not text.isascii():
        folded = unicodedata.normalize("NFD", text).casefold()
        folded = unicodedata.normalize("NFKC", folded).casefold()
        text = unicodedata.normalize("NFKC", folded)
    return " ".join(text.casefold().split())


def normalise_column(texts: Column) -> pa.ChunkedArray:
    """:func:`normalise` of every text, as ``large_string``; null stays null.

    Args:
        texts: n texts of any Arrow text type, dictionary-encoded or not.

    Raises:
        pa.ArrowInvalid, pa.ArrowNotImplementedError: the column does not hold text.
    """
    column = large_text(texts)
    plain = pc.string_is_ascii(column)
    done = _tidy(pc.ascii_lower(pc.if_else(plain, column, None)))
    if pc.all(plain).as_py() is not False:
        return done
    mask = pc.fill_null(pc.invert(plain), False)
    replaced = pa.array([normalise(text) for text in column.filter(mask).to_pylist()], pa.large_string())
    return _replace(done, mask, replaced)


def _tidy(ascii_texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """White space as single spaces within. Most texts are so already, and finding that out is the cheap part."""
    mask = pc.fill_null(pc.match_substring_regex(ascii_texts, _UNTIDY), False)
    if not pc.any(mask).as_py():
        return ascii_texts
    spaced = pc.replace_substring_regex(ascii_texts.filter(mask), _ASCII_SPACE, " ")
    return _replace(ascii_texts, mask, pc.ascii_trim(spaced, " ").combine_chunks())


def _replace(texts: pa.ChunkedArray, mask: pa.ChunkedArray, replacements: pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array([pc.replace_with_mask(texts.combine_chunks(), mask.combine_chunks(), replacements)])


def large_text(texts: Column) -> pa.ChunkedArray:
    """The texts as ``large_string``, whose offsets do not overflow at 2 GiB."""
    column = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string())
