"""The scores of one model, one row per example: what the harness writes and the gate reads."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops.artifacts import canonical_json, write_atomic
from mlops.evaluation.catalog import METRICS
from mlops.evaluation.errors import EvaluationError

_HARNESS = b"mlops.harness"
_MODEL = b"mlops.model"


@dataclass(frozen=True)
class ExampleScores:
    """Scores of one model.

    Attributes:
        model: candidate, base, champion or random.
        harness: digest of the harness they were made under; only equal ones may be compared.
        table: sorted by `example_id` (unique, no null); `cluster` (no null); one float64 column per metric, NaN where
            an example has no score.
    """

    model: str
    harness: str
    table: pa.Table

    def __post_init__(self) -> None:
        ids = self.table["example_id"].to_pylist() if "example_id" in self.table.column_names else [None]
        clusters = self.table["cluster"] if "cluster" in self.table.column_names else pa.nulls(1)
        if None in ids or clusters.null_count or len(set(ids)) != len(ids):
            raise EvaluationError(
                "EVALUATION-004",
                "expected one row per example with its id and cluster, found a missing or repeated one",
                where=f"scores of {self.model}",
                todo="evaluate again on rows with unique record ids",
            )
        object.__setattr__(self, "table", self.table.sort_by("example_id").combine_chunks())

    @property
    def examples(self) -> int:
        """Number of examples."""
        return int(self.table.num_rows)

    @property
    def ids(self) -> list[str]:
        """Example ids, sorted."""
        return [str(value) for value in self.table["example_id"].to_pylist()]

    @property
    def clusters(self) -> list[str]:
        """The cluster (conversation) of each example, in the order of `ids`."""
        return [str(value) for value in self.table["cluster"].to_pylist()]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Ids of the metrics that were scored."""
        return tuple(name for name in self.table.column_names if name in METRICS)

    def values(self, metric: str) -> NDArray[np.float64] | None:
        """One number per example in the order of `ids`, NaN where there is none; None where it was not scored."""
        if metric not in self.metrics:
            return None
        column = self.table[metric].cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.array(column, dtype=np.float64)

    @property
    def digest(self) -> str:
        """SHA-256 over model, harness, ids, clusters and the bits of every score, as `sha256:<64 hex>`."""
        head = [self.model, self.harness, self.ids, self.clusters, list(self.metrics)]
        hasher = hashlib.sha256(canonical_json(head))
        for name in self.metrics:
            values = self.values(name)
            hasher.update(b"" if values is None else np.where(np.isnan(values), np.nan, values).tobytes())
        return "sha256:" + hasher.hexdigest()


def predictions_path(directory: Path, model: str) -> Path:
    """Where the predictions of a model lie: `predictions-<model>.parquet`."""
    return directory / f"predictions-{model}.parquet"


def write_predictions(table: pa.Table, model: str, harness: str, directory: Path) -> Path:
    """Write a prediction table so that equal content gives equal bytes; model and harness go into its metadata."""
    stamped = table.sort_by("record_id").combine_chunks().replace_schema_metadata({_MODEL: model, _HARNESS: harness})
    buffer = io.BytesIO()
    pq.write_table(stamped, buffer, compression="zstd", use_dictionary=False, row_group_size=10_000)
    path = predictions_path(directory, model)
    write_atomic(path, buffer.getvalue())
    return path


def read_predictions(path: Path) -> ExampleScores:
    """Read what :func:`write_predictions` wrote; the prediction text is left behind.

    Raises:
        EvaluationError: EVALUATION-003 when the file is missing, no Parquet or not ours; -004 for repeated ids.
    """
    try:
        schema = pq.read_schema(path)
        columns = [name for name in schema.names if name != "prediction"]
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException):
        raise _unreadable(path, "expected a Parquet file, found none that can be read") from None
    metadata = schema.metadata or {}
    if _MODEL not in metadata or _HARNESS not in metadata or not {"record_id", "conversation_id"} <= set(columns):
        raise _unreadable(path, "expected a predictions file, found another table")
    named = {"record_id": "example_id", "conversation_id": "cluster"}
    table = table.rename_columns([named.get(name, name) for name in columns]).replace_schema_metadata(None)
    return ExampleScores(metadata[_MODEL].decode(), metadata[_HARNESS].decode(), table)


def _unreadable(path: Path, message: str) -> EvaluationError:
    return EvaluationError("EVALUATION-003", message, where=str(path), todo="run the evaluate stage again")
