"""Named check on contamination: does a text that trains share n-grams with texts that are held out to test?"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.contracts.check import NamedOutcome
from mlops.stages.checks.errors import NamedCheckError
from mlops.stages.checks.tables import records_at, table_of, text_columns
from mlops.text.ngrams import ngram_hashes, overlapping

MOST_BYTES = 256 * 2**20


def ngram_overlap(root: Path, tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
    """At most ``max_hits`` rows (0 where left out) share an n-gram of ``column`` with a held-out text.

    The held-out texts are ``against_column`` of the JSONL or Parquet file ``against``, a path relative to ``root``.
    The rule gives the file's ``digest``, so the contract's digest, and the key of the stage with it, stand for the
    file's bytes as well. Method, words and hashes: :mod:`mlops.text.ngrams`; Brown et al. (2020) use ``n`` = 13.

    Null, and a text of fewer than ``n`` words, has no n-gram and overlaps with nothing; an empty table passes.
    Observed: rows that overlap; offending: their records, where not one hit is allowed, else the table fails.

    Raises:
        NamedCheckError: CHECK-002, no such table, or a column that holds no text; 003, the file is outside the root,
            missing, above 256 MiB, damaged or without such texts; 004, its bytes have another digest; 005, no held-out
            text has ``n`` words, so that nothing could ever be found.
    """
    table = table_of(tables, arguments, [arguments["column"]])
    (column,) = text_columns(table, [arguments["column"]])
    texts = held_out_texts(root, arguments["against"], arguments["digest"], arguments["against_column"])
    _, against = ngram_hashes(texts, arguments["n"])
    if not against.size:
        message = f"no text of {arguments['against']} has {arguments['n']} words"
        raise NamedCheckError("CHECK-005", message, todo="choose a smaller n, or another file")
    bad = overlapping(column, against, arguments["n"])
    hits, most = int(bad.sum()), arguments.get("max_hits", 0)
    return NamedOutcome(hits <= most, hits, () if most else records_at(table, bad))


def held_out_texts(root: Path, path: str, digest: str, column: str) -> pa.ChunkedArray:
    """The texts of a JSONL or Parquet file below ``root``, null where one is null.

    Raises:
        NamedCheckError: CHECK-003 or 004, as :func:`ngram_overlap`.
    """
    content = _bytes(root, path)
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        message = f"{path} has not the digest that the rule gives"
        raise NamedCheckError("CHECK-004", message, todo="restore the file, or publish a contract with its digest")
    if path.endswith(".jsonl"):
        return pa.chunked_array([pa.array(_lines(path, content, column), pa.large_string())])
    try:
        table = pq.read_table(io.BytesIO(content))
    except (OSError, pa.ArrowException) as problem:
        raise _unusable(f"{path} is not a complete Parquet file") from problem
    try:
        return text_columns(table, [column])[0]
    except NamedCheckError as problem:
        raise _unusable(f"{path}: {problem.message}") from problem


def _bytes(root: Path, path: str) -> bytes:
    file = (root / path).resolve()
    if not file.is_relative_to(root.resolve()):
        raise _unusable(f"{path} is not below the project's root")
    try:
        if file.stat().st_size > MOST_BYTES:
            raise _unusable(f"{path} has more than {MOST_BYTES // 2**20} MiB")
        return file.read_bytes()
    except OSError as problem:
        raise _unusable(f"{path} cannot be read") from problem


def _lines(path: str, content: bytes, column: str) -> Iterator[str | None]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text = row[column]
            if text is not None:
                text.encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _unusable(f"{path}, line {number}: expected a JSON object with the text {column}") from None
        yield text


def _unusable(message: str) -> NamedCheckError:
    return NamedCheckError("CHECK-003", message, todo="name a readable file of held-out texts")
