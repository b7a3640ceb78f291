"""Reading plain data of any shape: what is missing or of another type reads as empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.yaml_source import NodePath

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)


def list_of(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty list: the JSON Schema reports what is not."""
    return value if isinstance(value, list) else []


def mapping_of(value: Any) -> Mapping[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def custom_properties(node: Mapping[str, Any]) -> dict[str, Any]:
    """The ``customProperties`` list of a node as a mapping."""
    entries = [mapping_of(entry) for entry in list_of(node.get("customProperties"))]
    return {entry["property"]: entry.get("value") for entry in entries if isinstance(entry.get("property"), str)}


def is_number(value: Any) -> bool:
    """Whether ``value`` is an integer or a float; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def walk(node: Any, path: NodePath = ()) -> Iterator[tuple[NodePath, Any]]:
    """Every mapping and list below ``node`` with its path, parents first."""
    if isinstance(node, Mapping):
        yield path, node
        for key, child in node.items():
            yield from walk(child, (*path, key))
    elif isinstance(node, list):
        yield path, node
        for position, child in enumerate(node):
            yield from walk(child, (*path, position))


def spell(path: NodePath) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "the file"
