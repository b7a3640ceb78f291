"""What a rule asks for, in words: the contract's own numbers, never one of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.contracts.plan import Expectation, Rule
from mlops.contracts.row_rules import by_batches

_LONGEST = 40
_ELSEWHERE = ("column", "column_A", "column_B", "column_list", "digest", "mostly", "strict_min", "strict_max")
_ENDS = {
    "min_value": ("at least", "above"),
    "min": ("at least", "above"),
    "value": ("exactly", "exactly"),
    "max_value": ("at most", "below"),
    "max": ("at most", "below"),
    "threshold": ("at most", "below"),
}


def threshold(rule: Rule) -> str:
    """The operator with its unit where the rule has one, else what its engine judges by."""
    if rule.operator is not None:
        return f"{rule.operator}" if rule.engine == "duckdb" else f"{rule.operator} {rule.unit}"
    if rule.kind == "columns":
        return "as declared"
    if rule.kind == "type":
        return f"logicalType {rule.arguments['logicalType']}"
    if rule.engine == "named":
        words = ", ".join(_words(rule.arguments["arguments"]))
        return words or f"as the check {rule.arguments['check']} judges"
    rows = by_batches(rule)
    return "; ".join(_expected(each, rows) for each in rule.expectations)


def _expected(each: Expectation, rows: bool) -> str:
    words = ", ".join(_words(each.kwargs)) or each.type.removeprefix("expect_").replace("_", " ")
    if "mostly" in each.kwargs:
        return f"{words}, in at least {_number(100 * each.kwargs['mostly'])}% of the rows judged"
    return f"{words}, in every row" if rows else words


def _words(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Bounds first, then what else is short enough to be said."""
    for key, (inclusive, strict) in _ENDS.items():
        if arguments.get(key) is not None:
            yield f"{strict if arguments.get(f'strict_{key[:3]}') else inclusive} {_number(arguments[key])}"
    for key, value in arguments.items():
        if key not in _ENDS and key not in _ELSEWHERE:
            yield from _argument(key.replace("_", " "), value)


def _argument(key: str, value: Any) -> Iterator[str]:
    if value is True:
        yield key
    elif isinstance(value, list | tuple) and value and not isinstance(value[0], Mapping | list):
        yield from _short(f"{key} {', '.join(map(_number, value))}", f"{key} of {len(value)}")
    elif isinstance(value, Mapping):
        yield from _short(f"{key} " + " and ".join(f"{name} {_number(each)}" for name, each in value.items()), key)
    elif value is not None and value is not False:
        yield from _short(f"{key} {_number(value)}", key)


def _short(text: str, instead: str) -> Iterator[str]:
    yield text if len(text) <= _LONGEST else instead


def _number(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
