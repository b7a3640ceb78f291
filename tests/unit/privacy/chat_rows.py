"""Chat tables and texts for the tests of this room."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))

# Built up at run time, so that no scanner of repositories takes them for live keys.
AWS_KEY = "AKIA" + "IOSFODNN7" + "EXAMPLE"
GITHUB_TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "TJVA95OrM7E2cBab30RMHrHDcEfx"
CARD = "4111111111111111"
IBAN = "DE89370400440532013000"

FRAGMENTS = [
    "my name is Anna Smith",
    "I'm Bob",
    "Kind regards,\nJosé García",
    "anna.smith@example.org",
    "4111 1111 1111 1111",
    CARD,
    "IBAN DE89 3704 0044 0532 0130 00",
    "123-45-6789",
    "call me at (415) 555-0132",
    "+49 171 1234567",
    "10.1.2.3",
    "password: hunter2!",
    f"key {AWS_KEY}",
    "https://u:pw@example.org/x",
    "12 Baker Street",
    "order #A-1234567",
    "born on 12 May 1980",
    "49.90 EUR",
    "<PERSON_1>",
    "<EMAIL_ADDRESS_7>",
    "\\n",
    "\\u0040",
    "%40",
    "\u200b",
    "\u202e",
    "４１１１",
    "\u0661\u0662",
    "e\u0301",
    "😀",
    "שלום",
    "{",
    "}",
    '"',
    ":",
    ",",
    ".",
    " ",
    "\n",
    "-",
    "=",
    "@",
    "x.com",
    "Anna",
    "5550132",
]


def texts(max_fragments: int = 8) -> st.SearchStrategy[str]:
    """Any Unicode text without surrogates, mixed with values, cues, escapes and placeholders in any order."""
    characters = st.characters(exclude_categories=["Cs"])
    piece = st.one_of(st.sampled_from(FRAGMENTS), st.text(characters, max_size=6))
    return st.lists(piece, max_size=max_fragments).flatmap(
        lambda parts: st.sampled_from(["", " ", ". "]).map(lambda joint: joint.join(parts))
    )


def chat_table(rows: list[tuple[Any, Any, Any]]) -> pa.Table:
    """Rows of (record id, conversation id, [(role, content), …])."""
    messages = [None if one is None else [{"role": role, "content": text} for role, text in one] for *_, one in rows]
    return pa.table(
        {
            "record_id": pa.array([row[0] for row in rows], pa.string()),
            "conversation_id": pa.array([row[1] for row in rows], pa.string()),
            "source": pa.array(["test"] * len(rows), pa.string()),
            "messages": pa.array(messages, MESSAGES),
        }
    )


def contents(table: pa.Table) -> dict[str, list[str]]:
    """Message texts by record id."""
    return {row["record_id"]: [one["content"] for one in row["messages"]] for row in table.to_pylist()}
