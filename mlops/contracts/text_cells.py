"""Cells of JSONL and CSV files, read strictly into the logical type that the contract declares."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INT64 = range(-(2**63), 2**63)

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "array": pa.list_(pa.string()),
    "vector": pa.list_(pa.float64()),
}
"""What a text file can hold, by logical type; arrays and vectors in JSONL only."""

WORDS = {
    "string": "text",
    "integer": "a whole number of 64 bits",
    "number": "a finite number",
    "boolean": "true or false",
    "date": "a date like 2024-01-31",
    "timestamp": "a time with its zone like 2024-01-31T12:00:00Z",
    "time": "a time of day like 12:00:00",
    "array": "a list of texts",
    "vector": "a list of finite numbers",
}


class WrongCell(ValueError):
    """A cell is not of the declared type. Holds no text: what it says must not quote the cell."""


def _text(value: Any) -> str:
    # A lone half of a surrogate pair, which JSON can write, is no Unicode text.
    if not isinstance(value, str) or not (value.isascii() or value.encode(errors="ignore").decode() == value):
        raise WrongCell
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value not in _INT64:
        raise WrongCell
    return value


def _finite(value: Any) -> float:
    if type(value) not in (int, float):
        raise WrongCell
    number = float(value)
    if not math.isfinite(number):
        raise WrongCell
    return number


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise WrongCell
    return value


def _date(value: Any) -> date:
    if not _DATE.fullmatch(_text(value)):
        raise WrongCell
    return date.fromisoformat(value)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise WrongCell
    return moment


def _time(value: Any) -> time:
    found = time.fromisoformat(_text(value))
    if found.tzinfo is not None:
        raise WrongCell
    return found


def _list_of(item: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise WrongCell
        return [None if each is None else item(each) for each in value]

    return read


_FROM_JSON: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "integer": _whole,
    "number": _finite,
    "boolean": _truth,
    "date": _date,
    "timestamp": _moment,
    "time": _time,
    "array": _list_of(_text),
    "vector": _list_of(_finite),
}


def _written(pattern: re.Pattern[str], read: Callable[[str], Any], judge: Callable[[Any], Any]) -> Callable[[str], Any]:
    def parse(cell: str) -> Any:
        if not pattern.fullmatch(cell):
            raise WrongCell
        return judge(read(cell))

    return parse


_FROM_CSV: dict[str, Callable[[str], Any]] = {
    **{kind: _FROM_JSON[kind] for kind in ("string", "date", "timestamp", "time")},
    "integer": _written(_INTEGER, int, _whole),
    "number": _written(_NUMBER, float, _finite),
    "boolean": _written(re.compile("true|false"), lambda cell: cell == "true", _truth),
}


def reader(kind: str, logical_type: str) -> Callable[[Any], Any] | None:
    """How a cell that is not null is read; None where a file of this kind cannot hold the type.

    The function raises ``ValueError`` or ``OverflowError`` for a cell of another type.

    Args:
        kind: ``jsonl`` or ``csv``.
    """
    return (_FROM_JSON if kind == "jsonl" else _FROM_CSV).get(logical_type)
