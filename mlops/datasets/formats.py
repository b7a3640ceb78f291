"""Raw records of JSONL, CSV and Parquet files and of the sample, one at a time."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.datasets.config import SampleSection, SourceSection
from mlops.datasets.errors import DatasetError
from mlops.datasets.mapping import Reason
from mlops.datasets.sample import generate

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a JSONL line that are read at most; a longer line is rejected, not loaded."""
_KEPT_OF_LONG_LINE = 64 * 1024
_BATCH = 4096


@dataclass(frozen=True)
class RawRecord:
    """A record as found: `line` counts from 1 (rows, for Parquet); either `value` or `reason` says what it is."""

    line: int
    raw: bytes | None
    value: Any
    reason: Reason | None = None

    def found(self) -> bytes:
        """What was found, byte for byte where the format has lines, as JSON where it has none."""
        return self.raw if self.raw is not None else json.dumps(self.value, default=str).encode()


def raw_records(section: SourceSection, path: Path, columns: Iterable[str]) -> Iterator[RawRecord]:
    """Stream one file; `columns` are the columns that CSV and Parquet must have.

    Raises:
        DatasetError: DATASET-005 when the file cannot be read to its end, DATASET-007 when a column is missing.
    """
    readers = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
    try:
        yield from readers[section.kind](path, tuple(columns))
    except (OSError, EOFError, zlib.error, pa.ArrowException) as problem:
        raise DatasetError(
            "DATASET-005",
            f"expected a complete {section.kind} file, found one that cannot be read ({type(problem).__name__})",
            where=str(path),
            todo="fetch the file again or correct the source's kind",
        ) from problem


def sample_records(sample: SampleSection | None) -> Iterator[RawRecord]:
    """The generated rows, numbered from 1."""
    size = sample or SampleSection()
    for line, row in enumerate(generate(size.rows, size.seed), start=1):
        yield RawRecord(line, None, row)


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _jsonl(path: Path, columns: tuple[str, ...]) -> Iterator[RawRecord]:
    with _open(path) as file:
        line = 0
        while raw := file.readline(LONGEST_LINE):
            line += 1
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield RawRecord(line, raw[:_KEPT_OF_LONG_LINE], None, Reason.LINE_TOO_LONG)
            else:
                yield _json_line(line, raw)


def _json_line(line: int, raw: bytes) -> RawRecord:
    content = raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw
    if not content.strip():
        return RawRecord(line, raw, None, Reason.BLANK_LINE)
    try:
        return RawRecord(line, raw, json.loads(content.decode()))
    except UnicodeDecodeError:
        return RawRecord(line, raw, None, Reason.UNDECODABLE_BYTES)
    except (ValueError, RecursionError):
        reason = Reason.INVALID_JSON if raw.endswith(b"\n") else Reason.TRUNCATED_LINE
        return RawRecord(line, raw, None, reason)


class _Recorder:
    """Passes lines on and remembers those since the last record, so that a bad record can be kept as it was."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken.append(line)
            yield line

    def flush(self) -> bytes:
        text = "".join(self.taken)
        self.taken.clear()
        return text.encode("utf-8", "surrogateescape")


def _csv(path: Path, columns: tuple[str, ...]) -> Iterator[RawRecord]:
    with io.TextIOWrapper(_open(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        recorder = _Recorder(text)
        reader = csv.reader(recorder, strict=True)
        try:
            header = next(reader, [])
        except csv.Error:
            header = []
        if header:
            _require(columns, header, path)
        recorder.flush()
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield _bad_csv(line, recorder)
                continue
            yield _csv_row(line, cells, header, recorder.flush())


def _bad_csv(line: int, recorder: _Recorder) -> RawRecord:
    raw = recorder.flush()
    return RawRecord(line, raw, None, Reason.INVALID_CSV if raw.endswith(b"\n") else Reason.TRUNCATED_LINE)


def _csv_row(line: int, cells: list[str], header: list[str], raw: bytes) -> RawRecord:
    if not cells:
        return RawRecord(line, raw, None, Reason.BLANK_LINE)
    if len(cells) != len(header):
        return RawRecord(line, raw, None, Reason.WRONG_COLUMN_COUNT)
    return RawRecord(line, raw, dict(zip(header, cells, strict=True)))


def _parquet(path: Path, columns: tuple[str, ...]) -> Iterator[RawRecord]:
    with pq.ParquetFile(path) as file:
        _require(columns, file.schema_arrow.names, path)
        line = 0
        for batch in file.iter_batches(batch_size=_BATCH):
            for value in _values(batch):
                line += 1
                yield RawRecord(line, None, value) if isinstance(value, dict) else RawRecord(line, b"", None, value)


def _values(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | Reason]:
    try:
        yield from batch.to_pylist()
    except (UnicodeDecodeError, ValueError, OverflowError):
        # One value that Python cannot hold must not take its whole batch with it.
        for row in range(batch.num_rows):
            try:
                yield batch.slice(row, 1).to_pylist()[0]
            except (UnicodeDecodeError, ValueError, OverflowError):
                yield Reason.UNDECODABLE_BYTES


def _require(columns: tuple[str, ...], found: list[str], path: Path) -> None:
    missing = [name for name in columns if name not in found]
    if missing:
        raise DatasetError(
            "DATASET-007",
            f"expected the column(s) {', '.join(missing)}, found none of that name among {len(found)} columns",
            where=str(path),
            todo="correct the *_field keys of the source, or the file",
        )
