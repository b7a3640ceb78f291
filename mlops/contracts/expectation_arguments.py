"""Whether Great Expectations will take the arguments of an expectation, asked of its own classes before any data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.contracts.bounds import allows_nothing
from mlops.contracts.expectations import quiet

# What the platform itself says to the library. A rule that said it too could not run, or would show cells.
_RESERVED = frozenset(
    {"id", "meta", "result_format", "catch_exceptions", "rendered_content", "windows", "batch_id", "library_metadata"}
)
# The library has a default for these, under which the expectation holds for any data, or cannot be evaluated.
_NEEDED = {
    "expect_column_kl_divergence_to_be_less_than": ("partition_object", "threshold"),
    "expect_column_values_to_be_in_type_list": ("type_list",),
    "expect_column_values_to_match_regex": ("regex",),
    "expect_table_columns_to_match_ordered_list": ("column_list",),
    "expect_table_columns_to_match_set": ("column_set",),
}
# They read a database or a second table, and there is one frame.
_ELSEWHERE = ("expect_query_results_to_match_comparison", "expect_table_row_count_to_equal_other_table")


def expectation_problems(kind: str, kwargs: Mapping[str, Any]) -> list[str]:
    """What keeps an expectation from running with these arguments, in words; empty where nothing does.

    The first call imports the library, which takes seconds.

    Args:
        kind: name of the expectation, in snake case.
        kwargs: its arguments, as the contract gives them.
    """
    if kind in _ELSEWHERE:
        return [f"{kind} needs more than one table"]
    named = [f"the argument {name} is not for a contract" for name in sorted(_RESERVED & set(kwargs))]
    named += [f"the argument {name} names a parameter of a suite" for name in kwargs if _is_parameter(kwargs[name])]
    return named or list(_refused(kind, kwargs))


def _is_parameter(value: Any) -> bool:
    return isinstance(value, Mapping) and "$PARAMETER" in value


def _refused(kind: str, kwargs: Mapping[str, Any]) -> Iterator[str]:
    with quiet():
        from great_expectations.compatibility.pydantic import ValidationError
        from great_expectations.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.registry import get_expectation_impl

        try:
            implementation = get_expectation_impl(kind)
        except ExpectationNotFoundError:
            yield f"the installed Great Expectations has no {kind}"
            return
        needed = _NEEDED.get(kind, ())
        missing = [name for name in needed if kwargs.get(name) is None]
        yield from (f"missing argument {name}" for name in missing)
        try:
            implementation(**kwargs)
        except ValidationError as error:
            told = {each["loc"]: each for each in reversed(error.errors())}  # of several about one argument the first
            yield from (_in_words(told[place]) for place in sorted(told, key=str) if place[0] not in missing)
            return
        except Exception as error:
            yield f"Great Expectations refuses the arguments ({type(error).__name__})"
            return
        if not needed and {"min_value", "max_value"} <= set(implementation.__fields__):
            yield from _bounds(kwargs)


def _in_words(error: Mapping[str, Any]) -> str:
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "value_error.extra":
        return f"unknown argument {name}"
    if error["type"] == "value_error.missing":
        return f"missing argument {name}"
    return str(error["msg"]) if name == "__root__" else f"argument {name}: {error['msg']}"


def _bounds(kwargs: Mapping[str, Any]) -> Iterator[str]:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        yield "missing argument min_value or max_value"
    elif allows_nothing(low, high, strict=bool(kwargs.get("strict_min") or kwargs.get("strict_max"))):
        yield "no value lies between min_value and max_value"
