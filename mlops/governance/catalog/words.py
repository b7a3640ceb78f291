"""A contract's rules as plain English sentences."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops.contracts.contract import Operator
from mlops.contracts.plan import BLOCKING, Rule

_TYPES = {
    "string": "text",
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "true or false",
    "date": "dates",
    "timestamp": "points in time",
    "time": "times of day",
    "object": "structures with named fields",
    "array": "lists",
    "map": "mappings from keys to values",
    "vector": "lists of numbers",
}
_OPERATORS = {
    "mustBe": "exactly {}",
    "mustNotBe": "any number but {}",
    "mustBeGreaterThan": "more than {}",
    "mustBeGreaterOrEqualTo": "at least {}",
    "mustBeLessThan": "fewer than {}",
    "mustBeLessOrEqualTo": "at most {}",
    "mustBeBetween": "{} to {}",
    "mustNotBeBetween": "fewer than {} or more than {}",
}


def in_words(rule: Rule, description: str = "") -> str:
    """What a rule demands, as one or two sentences without markup.

    A query cannot be put in words: its ``description`` in the contract stands for it, with what the query's number
    must be. Patterns and queries themselves are not repeated here, see ``wording``.
    """
    if rule.kind.startswith("expect_"):
        return _expectation(rule)
    return _SENTENCES[rule.kind](rule, description)


def wording(rule: Rule) -> str:
    """The part of a rule that only its own notation says: a pattern, a query, a schema; ``""`` where there is none."""
    if rule.engine == "duckdb":
        return str(rule.arguments["query"]).strip()
    patterns = [each.kwargs["regex"] for each in rule.expectations if "regex" in each.kwargs]
    return str(rule.arguments.get("regex", patterns[0] if patterns else ""))


def consequence(rule: Rule) -> str:
    """What happens where the data breaks the rule."""
    if rule.severity not in BLOCKING:
        return "is reported"
    return "sets the record aside" if rule.row_level else "blocks the data"


def quantity(operator: Operator, unit: str = "") -> str:
    """``mustBeLessOrEqualTo: 20`` as "at most 20"; ``unit`` is added to each number."""
    numbers = [f"{bound!r}{unit}" for bound in operator.bounds]
    return _OPERATORS[operator.name].format(*numbers)


def listed(words: Sequence[Any], last: str = "or", most: int = 12) -> str:
    """ "a, b or c"; what is beyond ``most`` is counted."""
    shown = [_value(word) for word in words[:most]]
    if len(words) > most:
        return f"{', '.join(shown)} {last} one of {len(words) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}" if shown else "nothing"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value if value.strip() else "the empty text"
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _subject(rule: Rule) -> str:
    return rule.property or listed(rule.columns, "and") if rule.columns or rule.property else rule.object


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _rows_that(rule: Rule, predicate: str) -> str:
    """How many rows may do what the predicate says."""
    operator = rule.operator
    if operator is None or operator.none_allowed(rule.unit):
        return f"No row may {predicate}."
    amount = quantity(operator, "%" if rule.unit == "percent" else "")
    of = " of the rows" if rule.unit == "percent" else " rows"
    verb = "must" if operator.name.startswith("mustBeGreater") or operator.name == "mustBe" else "may"
    return _sentence(f"{amount}{of} {verb} {predicate}")


def _columns(rule: Rule, _: str) -> str:
    return f"{rule.object} has exactly the declared columns, no more and no fewer."


def _type(rule: Rule, _: str) -> str:
    return f"{_subject(rule)} holds {_TYPES[rule.arguments['logicalType']]}."


def _required(rule: Rule, _: str) -> str:
    return f"Every row has a value for {_subject(rule)}."


def _unique(rule: Rule, _: str) -> str:
    both = "combination of " if len(rule.columns) > 1 else ""
    return f"No two rows have the same {both}{_subject(rule)}."


def _pattern(rule: Rule, _: str) -> str:
    return f"Every {_subject(rule)} matches a pattern."


def _length(rule: Rule, _: str) -> str:
    kwargs = rule.expectations[0].kwargs
    return f"{_subject(rule)} is {between(kwargs, ' characters')} long."


def _range(rule: Rule, _: str) -> str:
    return f"{_subject(rule)} is {between(rule.expectations[0].kwargs)}."


def between(kwargs: Mapping[str, Any], unit: str = "") -> str:
    """The bounds of an expectation, with or without their ends."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    least = "more than" if kwargs.get("strict_min") else "at least"
    most = "less than" if kwargs.get("strict_max") else "at most"
    if low is None and high is None:
        return "of any size" if not unit else f"any number of{unit}"
    if low is None or high is None:
        return f"{least} {_value(low)}{unit}" if high is None else f"{most} {_value(high)}{unit}"
    if low == high:
        return f"exactly {_value(low)}{unit}"
    if kwargs.get("strict_min") or kwargs.get("strict_max"):
        return f"{least} {_value(low)} and {most} {_value(high)}{unit}"
    return f"{_value(low)} to {_value(high)}{unit}"


def _enum(rule: Rule, _: str) -> str:
    return f"{_subject(rule)} is {listed(rule.expectations[0].kwargs['value_set'])}."


def _finite(rule: Rule, _: str) -> str:
    return f"{_subject(rule)} is always a finite number, never infinite or undefined."


def _row_count(rule: Rule, _: str) -> str:
    if rule.operator is None:
        return f"{rule.object} has {between(rule.expectations[0].kwargs, ' rows')}."
    amount = quantity(rule.operator)
    return f"{rule.object} has {amount} {'row' if rule.operator.bounds == (1,) else 'rows'}."


def _null_values(rule: Rule, _: str) -> str:
    return _rows_that(rule, f"lack a value for {_subject(rule)}")


def _missing_values(rule: Rule, _: str) -> str:
    markers = [value for each in rule.expectations[1:] for value in each.kwargs["value_set"]]
    also = f", where {listed(markers)} counts as none too" if markers else ""
    return _rows_that(rule, f"lack a value for {_subject(rule)}{also}")


def _invalid_values(rule: Rule, _: str) -> str:
    if not rule.expectations:
        return _rows_that(rule, f"have a {_subject(rule)} that does not match a pattern")
    return _rows_that(rule, f"have a {_subject(rule)} other than {listed(rule.expectations[0].kwargs['value_set'])}")


def _duplicate_values(rule: Rule, _: str) -> str:
    return _rows_that(rule, f"share {'their ' if rule.property is None else ''}{_subject(rule)} with another row")


def _sql(rule: Rule, description: str) -> str:
    meaning = _sentence(description) + " " if description.strip() else ""
    number = quantity(rule.operator) if rule.operator else "any number"
    return f"{meaning}A query answers with {number.replace('fewer than', 'less than')}."


def _named(rule: Rule, description: str) -> str:
    meaning = _sentence(description) + " " if description.strip() else ""
    given = rule.arguments["arguments"]
    words = [f"{name.replace('_', ' ')} {_value(value)}" for name, value in given.items()]
    with_them = f", with {', '.join(words)}" if words else ""
    return f"{meaning}The data passes the check {rule.arguments['check'].replace('_', ' ')}{with_them}."


_SENTENCES: dict[str, Callable[[Rule, str], str]] = {
    "columns": _columns,
    "type": _type,
    "required": _required,
    "unique": _unique,
    "pattern": _pattern,
    "length": _length,
    "range": _range,
    "enum": _enum,
    "finite": _finite,
    "rowCount": _row_count,
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
    "duplicateValues": _duplicate_values,
    "sql": _sql,
    "named": _named,
}

_SPELLED = {"min": "smallest value", "max": "largest value", "stdev": "standard deviation"}
_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
_OWN = {
    "expect_column_values_to_match_regex": "No row may have a {column} that does not match a pattern.",
    "expect_column_values_to_not_match_regex": "No row may have a {column} that matches a pattern.",
    "expect_column_values_to_be_in_set": "{column} is {value_set}.",
    "expect_column_values_to_not_be_in_set": "{column} is never {value_set}.",
    "expect_column_values_to_not_be_null": "Every row has a value for {column}.",
    "expect_column_values_to_be_unique": "No two rows have the same {column}.",
    "expect_column_pair_values_a_to_be_greater_than_b": "{column_A} is greater than {column_B}.",
    "expect_compound_columns_to_be_unique": "No two rows have the same combination of {column_list}.",
    "expect_column_kl_divergence_to_be_less_than": (
        "The values of {column} are spread as declared: their divergence (Kullback-Leibler) from it stays below"
        " {threshold}."
    ),
}


def _expectation(rule: Rule) -> str:
    """An expectation of Great Expectations. Its name is an English phrase; the frequent ones have a better one."""
    kwargs = dict(rule.expectations[0].kwargs) if rule.expectations else {"column": _subject(rule)}
    mostly = kwargs.pop("mostly", None)
    sentence = _own(rule, kwargs) or _from_name(rule, kwargs)
    if mostly is not None:
        sentence += f" This holds for at least {100 * mostly:.12g}% of the rows that have a value."
    return sentence


def _own(rule: Rule, kwargs: Mapping[str, Any]) -> str | None:
    known = _OWN.get(rule.kind)
    if known is None:
        return None
    fill = {name: listed(value) if isinstance(value, list) else _value(value) for name, value in kwargs.items()}
    if isinstance(kwargs.get("column_list"), list):
        fill["column_list"] = listed(kwargs["column_list"], "and")
    try:
        return known.format(**fill)
    except KeyError:  # an argument that the expectation cannot do without is missing: its own engine will say so
        return None


def _from_name(rule: Rule, kwargs: dict[str, Any]) -> str:
    """``expect_column_mean_to_be_between`` as "The mean of x must be 1 to 2."."""
    phrase = rule.kind.removeprefix("expect_").replace("_", " ")
    what, _, demand = phrase.partition(" to ")
    names = [kwargs.pop(key) for key in ("column", "column_A", "column_B") if key in kwargs]
    names += kwargs.pop("column_list", [])
    of = f" of {listed(names, 'and')}" if names else f" of {rule.object}"
    what = what.removeprefix("column ").removeprefix("table ") if names or what.startswith("table ") else what
    what = _SPELLED.get(what, what)
    bounds = {key: kwargs.pop(key) for key in _BOUNDS if key in kwargs}
    ends = [between(bounds)] if {"min_value", "max_value"} & set(bounds) else []
    if ends and demand == "be between":
        return f"The {what}{of} must be {ends[0]}."
    if demand.endswith("in set") and isinstance(kwargs.get("value_set"), list):
        return f"The {what}{of} must be {listed(kwargs['value_set'])}."
    given = ends + [f"{name.replace('_', ' ')} {_value(value)}" for name, value in kwargs.items()]
    return f"The {what}{of} must {demand}{': ' + ', '.join(given) if given else ''}."
