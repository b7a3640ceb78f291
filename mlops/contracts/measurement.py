"""What an engine measured for one rule, before the rule's operator is applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

RECORD_ID = "record_id"


def _no_ids() -> pa.Array:
    return pa.array([], pa.large_string())


@dataclass(frozen=True)
class Measurement:
    """The common result of all engines. Holds counts and record ids, never another cell value.

    Attributes:
        total: rows of the object.
        observed: number of offending rows, or the number that the rule asks for; None where there is none.
        record_ids: records of the offending rows, each once, sorted, as Arrow text: millions of them fit. Empty
            although rows offend means: they cannot be told apart.
        passed: the engine's own judgement, for rules without an operator.
        error: why the rule could not be evaluated; then nothing else counts.
        detail: a remark that quotes the contract only.
        judged: rows that ``observed`` is out of; None where it is no count of rows.
        seconds: wall time that this rule took; where rules run together, its share.
    """

    total: int
    observed: float | None = None
    record_ids: pa.Array = field(default_factory=_no_ids, repr=False)
    passed: bool | None = None
    error: str | None = None
    detail: str = ""
    judged: int | None = None
    seconds: float = 0.0


def failed_to_run(engine: str, error: BaseException, total: int) -> Measurement:
    """An error of an engine. Only its class is kept: the texts of such errors quote data."""
    return Measurement(total=total, error=f"{engine} raised {type(error).__name__}")


def distinct_ids(pieces: Iterable[pa.Array | pa.ChunkedArray]) -> pa.Array:
    """Record ids of several finds: each once, sorted.

    Empty where one of them is null: a row without an id cannot be set aside, so the failure is that of the table.
    """
    chunks = [chunk.cast(pa.large_string()) for piece in pieces for chunk in getattr(piece, "chunks", [piece])]
    found = pa.chunked_array(chunks, pa.large_string())
    if found.null_count:
        return _no_ids()
    once = pc.unique(found)
    return once.take(pc.sort_indices(once))
