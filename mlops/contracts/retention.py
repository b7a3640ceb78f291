"""How long a contract lets data be kept, and the day on which a data set has to be gone.

``slaProperties`` with ``property: retention`` say it: ``value`` and ``unit`` a period, ``element`` the timestamp column
(``OBJECT.PROPERTY``) from which it runs. The day is found where the data is read, and asked again each time the data
is used; so a data set can be judged later without being read.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.contract import Contract
from mlops.contracts.nodes import list_of, mapping_of

_UNITS = {
    **dict.fromkeys(("d", "day", "days"), ("days", 1)),
    **dict.fromkeys(("w", "week", "weeks"), ("days", 7)),
    **dict.fromkeys(("m", "mo", "month", "months"), ("months", 1)),
    **dict.fromkeys(("y", "yr", "year", "years"), ("months", 12)),
}


@dataclass(frozen=True)
class Retention:
    """One retention clause.

    Attributes:
        id: of the SLA property.
        value: how many units, above 0.
        unit: ``days`` or ``months``.
        object: the table, or None where the clause names no column: then a person answers for it.
        column: the timestamp or date column from which the period runs.
        said: the period as the contract writes it.
    """

    id: str
    value: int
    unit: str
    object: str | None
    column: str | None
    said: str


def retentions(contract: Contract) -> Iterator[Retention]:
    """The retention clauses of a contract. What cannot be read as a whole number of a known unit is left out here:
    lint reports it."""
    columns = {f"{table.name}.{each.name}": (table.name, each.column) for table in contract.objects
               for each in table.properties}  # fmt: skip
    for entry in map(mapping_of, list_of(contract.document.data.get("slaProperties"))):
        period = months_or_days(entry.get("value"), entry.get("unit"))
        if entry.get("property") != "retention" or period is None:
            continue
        table, column = columns.get(str(entry.get("element")), (None, None))
        yield Retention(str(entry["id"]), *period, table, column, f"{entry['value']} {entry['unit']}")


def months_or_days(value: Any, unit: Any) -> tuple[int, str] | None:
    """A period as (number, ``days`` or ``months``); None where it is not a whole number above 0 of a known unit."""
    name, factor = _UNITS.get(str(unit).lower(), ("", 0))
    if not factor or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        return None
    return value * factor, name


def keep_until(contract: Contract, tables: Mapping[str, pa.Table]) -> dict[str, dict[str, Any]]:
    """Clause id → ``until``: the last day (ISO 8601, UTC) on which every dated row may be kept, None where no row is
    dated; ``undated``: rows without a date, which nobody can judge.

    Clauses that name no column of ``tables``, or one that holds no times, are left to people and not in the result.
    """
    found = {}
    for clause in retentions(contract):
        table = tables.get(clause.object or "")
        if table is None or clause.column not in table.column_names:
            continue
        column = table[clause.column]
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            oldest = _oldest(column)
            until = None if oldest is None else _later(oldest, clause).isoformat()
            found[clause.id] = {"until": until, "undated": column.null_count}
    return found


def _oldest(column: pa.ChunkedArray) -> date | None:
    try:
        return _day(pc.min(column).as_py())
    except (OverflowError, ValueError):  # before the year 1 or after 9999: no date that a calendar has
        return date.min


def _day(moment: datetime | date | None) -> date | None:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
    return moment


def _later(day: date, clause: Retention) -> date:
    """``day`` plus the period; the last day of the month where the month is shorter, and the end of the calendar
    where it would lie beyond."""
    if clause.unit == "days":
        return date.fromordinal(min(day.toordinal() + clause.value, date.max.toordinal()))
    years, month = divmod(day.month - 1 + clause.value, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
