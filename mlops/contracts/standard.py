"""The JSON Schema of the Open Data Contract Standard, and what it says in words a person can use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from mlops.contracts.lint_rule import Place
from mlops.contracts.nodes import OPERATORS, spell, walk
from mlops.yaml_source import Document


@cache
def _validator() -> Any:
    from jsonschema import Draft201909Validator

    schema = resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return Draft201909Validator(json.loads(schema))


def _leaves(error: Any) -> Iterator[Any]:
    """The innermost causes of a schema error: ``oneOf`` and ``anyOf`` alone say nothing a person can use."""
    from jsonschema.exceptions import relevance

    if not error.context:
        yield error
        return
    deepest = max(len(child.absolute_path) for child in error.context)
    if deepest == len(error.absolute_path):
        yield error
        return
    yield from _leaves(max(error.context, key=relevance))


def refused(document: Document) -> Iterator[Place]:
    """Each part of the file that the standard refuses, at the key or value."""
    leaves = [leaf for error in _validator().iter_errors(document.data) for leaf in _leaves(error)]
    errors = [leaf for leaf in leaves if not _told_by_the_profile(leaf)]
    # A failing branch makes every key that it would have allowed "unevaluated" as well: the cause is enough, unless a
    # key is unknown to the whole standard.
    told = [leaf for leaf in leaves if _told_by_the_profile(leaf) and _needs_operator(leaf)]
    faults = [error for error in errors if error.validator != "unevaluatedProperties"]
    causes = [tuple(error.absolute_path) for error in (*faults, *told)]
    for error in errors:
        path = tuple(error.absolute_path)
        keys = _unknown_keys(error)
        if error.validator == "unevaluatedProperties" and any(cause[: len(path)] == path for cause in causes):
            keys = [key for key in keys if key not in _standard_keys()]
            if not keys:
                continue
        place = min(((*path, key) for key in keys), key=document.line, default=path)
        reason = f"unknown key {', '.join(keys)}" if keys else _shorten(str(error.message))
        message = f"the Open Data Contract Standard refuses {spell(path)}: {reason}"
        yield place, message, "correct the key or the value"


def _told_by_the_profile(error: Any) -> bool:
    """What the schema says less well: the choice of one operator with numbers, of which it demands one at random, and a
    missing ``logicalType``, for which it demands the options of every type at once."""
    path = tuple(error.absolute_path)
    if error.validator == "required" and path[-2:-1] == ("quality",):
        return _needs_operator(error) and bool(set(OPERATORS) & set(error.validator_value))
    if error.validator == "oneOf":
        return all(set(branch.get("required", ("",))) <= set(OPERATORS) for branch in error.validator_value)
    return path[-2:-1] == ("properties",) and error.validator == "required" and "logicalType" not in error.instance


def _needs_operator(error: Any) -> bool:
    """Whether the error is about a rule that CONTRACT-008 judges."""
    rule = error.instance if tuple(error.absolute_path)[-2:-1] == ("quality",) else None
    if not isinstance(rule, Mapping):
        return False
    return rule.get("type", "library") in ("library", "sql") or any(name in rule for name in OPERATORS)


def _unknown_keys(error: Any) -> list[str]:
    if error.validator not in ("additionalProperties", "unevaluatedProperties"):
        return []
    return [key for key in re.findall(r"'([^']*)'", error.message) if key in error.instance]


@cache
def _standard_keys() -> frozenset[str]:
    """Every key that the standard knows anywhere."""
    schema = _validator().schema
    places = [node["properties"] for _, node in walk(schema) if isinstance(node, Mapping) and "properties" in node]
    return frozenset(key for place in places if isinstance(place, Mapping) for key in place)


def _shorten(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:60]} … {message[-60:]}"
