"""What is known of one rule after some batches of rows, and the measurement that it adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from mlops.contracts.expectations import Failed, Found
from mlops.contracts.measurement import RECORD_ID, Measurement, distinct_ids
from mlops.contracts.plan import Rule


@dataclass
class Tally:
    """A running sum; not for other modules than those that fill it.

    Attributes:
        parts: per expectation of the rule, what it found in each batch; an Arrow rule has one part.
        ids: record ids of offending rows, batch by batch.
        error: why the rule cannot be evaluated; it takes no further part.
        seconds: wall time so far; of rules that ran together, an equal share.
    """

    parts: list[list[Found]] = field(default_factory=list)
    ids: list[pa.ChunkedArray] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0

    def add(self, answer: Sequence[Found] | Failed) -> bool:
        """Take what was found in one batch; True where rows of it offend."""
        if isinstance(answer, Failed):
            self.error = answer.error
            return False
        self.parts = self.parts or [[] for _ in answer]
        for part, found in zip(self.parts, answer, strict=True):
            part.append(found)
        return any(found.unexpected for found in answer)

    def name(self, rows: pa.Table, positions: pa.Array) -> None:
        """Remember the records of these rows, if the batch tells them apart."""
        if RECORD_ID in rows.column_names:
            self.ids.append(rows[RECORD_ID].take(positions))


def measurement(rule: Rule, tally: Tally, total: int) -> Measurement:
    """The sum of all batches.

    Several expectations of one rule offend in different rows: one asks for nulls, the other passes over them.
    """
    if tally.error is not None:
        return Measurement(total, error=tally.error, seconds=tally.seconds)
    found = [each for part in tally.parts for each in part]
    if any(each.unexpected is None for each in found):
        return _statistic(rule, tally, total)
    judged = [sum(each.considered for each in part) for part in tally.parts]
    offending = [sum(each.unexpected or 0 for each in part) for part in tally.parts]
    mostly = [float(each.kwargs.get("mostly", 1)) for each in rule.expectations] or [1.0] * len(judged)
    return Measurement(
        total,
        observed=sum(offending),
        record_ids=distinct_ids(tally.ids),
        passed=all(map(_enough, judged, offending, mostly)),
        judged=total if set(mostly) == {1.0} else sum(judged),
        seconds=tally.seconds,
    )


def _statistic(rule: Rule, tally: Tally, total: int) -> Measurement:
    if rule.operator is not None or len(tally.parts[0]) != 1:
        return Measurement(total, error="Great Expectations returned no rows for a rule on rows")
    only = tally.parts[0][0]
    return Measurement(total, observed=only.statistic, passed=only.success, seconds=tally.seconds)


def _enough(judged: int, offending: int, mostly: float) -> bool:
    """As the library judges, with its own floating-point division: of no rows, every share is met."""
    return judged == 0 or (judged - offending) / judged >= mostly
