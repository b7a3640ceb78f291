"""Reading a declared source into the canonical chat schema."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.config import PLACEHOLDER, SourceSection
from mlops.datasets.errors import DatasetError
from mlops.datasets.formats import RawRecord, raw_records, sample_records
from mlops.datasets.mapping import FieldMapping, Reason, Row, field_mapping, rows_of

REJECTED_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("raw", pa.binary()),
        pa.field("file", pa.string()),
    ]
)
_BATCH = 8192


@dataclass(frozen=True)
class SourceRows:
    """What a source gave.

    Attributes:
        table: the rows that could be read, `CHAT_SCHEMA`, in the order of the source.
        rejected: the records that could not, `REJECTED_SCHEMA`: name of the source, line (from 1) or row of the file,
            a `Reason`, the record as it was found, and the name of the file. Restricted: it holds raw values.
    """

    table: pa.Table
    rejected: pa.Table


def read_source(source: SourceSection, root: Path) -> SourceRows:
    """Stream every record of `source`; each becomes rows of `table` or one row of `rejected`, never nothing.

    Args:
        source: where the records are and how their fields map.
        root: the directory that a relative `source.path` starts from.

    Raises:
        DatasetError: DATASET-003 for a placeholder without a value, DATASET-004 for a path without a file,
            DATASET-005 for a file that cannot be read to its end, DATASET-006 for a source without a record,
            DATASET-007 for a mapped column that a CSV or Parquet file lacks.
    """
    fields = field_mapping(source)
    rows = _Collected(CHAT_SCHEMA)
    rejected = _Collected(REJECTED_SCHEMA)
    records = 0
    for name, record in _records(source, root, fields):
        reason_or_rows = record.reason or rows_of(record.value, source, fields)
        records += reason_or_rows is not Reason.BLANK_LINE
        if isinstance(reason_or_rows, Reason):
            rejected.add(_rejection(source.name, name, record, reason_or_rows))
        else:
            for row in reason_or_rows:
                rows.add(row)
    if not records:
        raise DatasetError(
            "DATASET-006",
            f"expected at least one record in the source {source.name}, found none",
            where=source.path or source.kind,
            todo="check that the export was complete",
        )
    return SourceRows(table=rows.table(), rejected=rejected.table())


def source_files(source: SourceSection, root: Path) -> tuple[Path, ...]:
    """The files of a source in the order in which they are read; empty for the sample.

    Raises:
        DatasetError: DATASET-003 and DATASET-004, as in `read_source`.
    """
    if source.path is None:
        return ()
    pattern = PLACEHOLDER.sub(lambda match: glob.escape(_variable(match[1], source)), source.path)
    found = glob.glob(os.path.join(glob.escape(str(root)), pattern), recursive=True)
    files = tuple(Path(path) for path in sorted(found) if os.path.isfile(path))
    if not files:
        raise DatasetError(
            "DATASET-004",
            f"expected at least one file for the source {source.name}, found none",
            where=source.path,
            todo="correct the path, which is relative to the project root, or bring the data there",
        )
    return files


class _Collected:
    """Rows on their way into one table, turned into Arrow batch by batch."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows: list[Row] = []
        self._batches: list[pa.RecordBatch] = []

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= _BATCH:
            self._close()

    def table(self) -> pa.Table:
        self._close()
        return pa.Table.from_batches(self._batches, schema=self._schema)

    def _close(self) -> None:
        if self._rows:
            self._batches.append(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def _records(source: SourceSection, root: Path, fields: FieldMapping) -> Iterator[tuple[str, RawRecord]]:
    if source.kind == "sample":
        for record in sample_records(source.sample):
            yield "sample", record
        return
    for path in source_files(source, root):
        for record in raw_records(source, path, _columns(source, fields)):
            yield path.name, record


def _columns(source: SourceSection, fields: FieldMapping) -> tuple[str, ...]:
    content = (fields.prompt, fields.response) if source.layout == "columns" else (fields.messages,)
    others = (fields.id, fields.conversation, fields.source, fields.language, fields.created_at)
    return tuple(name for name in (*content, *others) if name)


def _rejection(source: str, file: str, record: RawRecord, reason: Reason) -> Row:
    return {"source": source, "line": record.line, "reason": str(reason), "raw": record.found(), "file": file}


def _variable(name: str, source: SourceSection) -> str:
    value = os.environ.get(name) if name.startswith("MLOPS_") else None
    if not value:
        raise DatasetError(
            "DATASET-003",
            f"expected a MLOPS_* environment variable with a value, found {name} unset, empty or not allowed",
            where=f"path of the source {source.name}",
            todo="set the variable or write the path out",
        )
    return value
