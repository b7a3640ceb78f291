"""Marked values that a test plants in a source, and the search that must find them nowhere else."""

from __future__ import annotations

import base64
import gzip
import json
import re
import sqlite3
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

_LOCAL = "tracer.7f3a"
EMAIL = f"{_LOCAL}@example.com"
CARD = "4000123456789017"
"""Luhn-valid, with an issuer's prefix, and nobody's."""
_CORE = "Tracer7f3aQ9xT2mLw8ZbKd5RvYc1NhUe4Sg"
TOKEN = "_".join(("ghp", _CORE))
"""In the shape of a vendor's token; joined here so that no scanner takes this file for a leak."""

_SPACED = " ".join(CARD[start : start + 4] for start in range(0, 16, 4))
RESTRICTED = ("ingest", "validate")
"""Stages whose Parquet files hold raw rows by design and are kept from everybody but the data's keepers."""


def _message(text: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": text}


def _row(number: int, text: str, **changes: Any) -> dict[str, Any]:
    answer = _message(f'{{"intent":"other"}}\nWe will answer case {number} today.', "assistant")
    row = {
        "id": f"planted{number}",
        "conversation": f"planted{number}",
        "source": "chat",
        "language": "en",
        "created_at": "2026-03-01T10:00:00Z",
        "messages": [_message(text), answer],
    }
    return {**row, **changes}


def readable_rows() -> list[dict[str, Any]]:
    """Rows that the source contract accepts: the tracer in texts of several forms, in identifiers and in keys."""
    reply = [
        _message("please confirm where you write to"),
        _message(f"We write to {EMAIL} and charge {CARD}.", "assistant"),
    ]
    return [
        _row(1, f"hello, my mail is {EMAIL} and I wait for a refund"),
        _row(2, f"write to <{EMAIL.upper()}>, mailto:{EMAIL}, or {EMAIL}."),
        _row(3, f"I paid with card {CARD} last week"),
        _row(4, f"the card {_SPACED} or {_SPACED.replace(' ', '-')} was charged twice"),
        _row(5, f"the app shows {TOKEN} when I log in"),
        _row(6, f"export TOKEN={TOKEN}; mail {EMAIL}; card {_SPACED}"),
        _row(7, "the answer repeats what I said", messages=reply),
        _row(8, "no value in the text", id=EMAIL),
        _row(9, "no value in this text", conversation=EMAIL),
        _row(10, "nor any value in this text", conversation=CARD),
        _row(11, "not a value in this one", conversation=TOKEN),
        _row(12, "where does it come from", source=EMAIL),
        _row(13, "and this one, from where", source=f"import of {TOKEN}"),
        _row(14, "a key that nobody asked for", **{EMAIL: CARD, "note": {TOKEN: [EMAIL]}}),
    ]


def contract_breaking_rows() -> list[dict[str, Any]]:
    """Rows that can be read and then break a rule of the source contract."""
    return [
        _row(21, "unknown language", language=EMAIL),
        _row(22, "another unknown language", language=CARD),
        _row(23, f"{EMAIL} {CARD} {TOKEN} " * 60),
        _row(24, f"from the future, {EMAIL}", created_at="2999-01-01T00:00:00Z"),
        _row(25, f"a long name, {CARD}", source=f"{TOKEN} " * 9),
        _row(26, "ends with the customer", messages=[_message("hello", "assistant"), _message(f"{EMAIL} {TOKEN}")]),
    ]


def unreadable_lines() -> list[bytes]:
    """Lines from which no row can be made."""
    rows: list[Any] = [
        _row(31, "a time that is none", created_at=EMAIL),
        _row(32, "a role that is none", messages=[_message("hello", EMAIL), _message("hello", "assistant")]),
        _row(33, "a text that is none", messages=[{"role": "user", "content": {EMAIL: TOKEN}}]),
        _row(34, "a message that is none", messages=[EMAIL, CARD]),
        _row(35, "no list", messages={TOKEN: EMAIL}),
        _row(36, "a language that is none", language=[CARD]),
        {EMAIL: {TOKEN: CARD}},
        EMAIL,
        int(CARD),
        [TOKEN],
    ]
    broken = f'{{"id": "planted40", "messages": [{{"role": "user", "content": "{EMAIL} {CARD} {TOKEN}"'.encode()
    return [*(json.dumps(row).encode() for row in rows), broken, b"\xff\xfe " + f"{EMAIL} {TOKEN} {CARD}".encode()]


def plant(source: Path) -> int:
    """Add every planted line to a JSONL source; returns how many there are."""
    rows = [json.dumps(row).encode() for row in (*readable_rows(), *contract_breaking_rows())]
    lines = [*rows, *unreadable_lines()]
    source.write_bytes(source.read_bytes() + b"\n".join(lines) + b"\n")
    return len(lines)


def _encodings(text: str) -> Iterator[bytes]:
    """How a text may lie in a file: plain, UTF-16, hex, percent-encoded, and base64 at each of its three offsets."""
    raw = text.encode()
    yield from (raw, text.encode("utf-16-le"), raw.hex().encode(), urllib.parse.quote(text).encode())
    for offset in range(3):
        yield base64.b64encode(b"\0" * offset + raw)[4 if offset else 0 : -4]


_NEEDLES = {
    "e-mail": [form.lower() for form in _encodings(_LOCAL)],
    "token": [form.lower() for form in _encodings(_CORE)],
    "card": [form.lower() for form in _encodings(CARD)],
}
_SPLIT_CARD = re.compile(rb"[ \-._/\n]{0,2}".join(digit.encode() for digit in CARD))


def traces(data: bytes | str) -> set[str]:
    """Which planted values the bytes hold, in any of the forms above; capital and small letters are the same."""
    content = (data.encode() if isinstance(data, str) else data).lower()
    found = {name for name, forms in _NEEDLES.items() if any(form in content for form in forms)}
    return found | ({"card"} if _SPLIT_CARD.search(content) else set())


def views(path: Path) -> Iterator[bytes]:
    """A file as it lies, and decoded where its bytes are compressed or split over pages."""
    data = path.read_bytes()
    yield data
    if data[:4] == b"PAR1":
        yield parquet_values(path)
    elif data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    elif data[:16] == b"SQLite format 3\0":
        yield _database_values(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def parquet_values(path: Path) -> bytes:
    """Every value of a Parquet file, with its schema and metadata, as text; binary values as they are."""
    with pq.ParquetFile(path) as file:
        table = file.read()
        head = f"{file.schema_arrow} {file.schema_arrow.metadata} {file.metadata}".encode()
    values = json.dumps(table.to_pylist(), default=_plain, ensure_ascii=False).encode("utf-8", "surrogateescape")
    return head + b"\n" + values


def _plain(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _database_values(path: Path) -> bytes:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump()).encode()
    finally:
        connection.close()


def is_restricted(path: Path, store: Path) -> bool:
    """Raw rows: the Parquet files of the first two stages' artifacts."""
    if not path.is_relative_to(store) or path.suffix != ".parquet":
        return False
    artifact = store.joinpath(*path.relative_to(store).parts[:2])
    return json.loads((artifact / "manifest.json").read_bytes())["stage"] in RESTRICTED


def leaks(root: Path, store: Path) -> dict[str, set[str]]:
    """Every file below ``root`` that holds a planted value, in its name or content, but for the restricted ones."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        hits = traces(name)
        if path.is_file() and not path.is_symlink() and not is_restricted(path, store):
            hits |= {hit for view in views(path) for hit in traces(view)}
        if hits:
            found[name] = hits
    return found
