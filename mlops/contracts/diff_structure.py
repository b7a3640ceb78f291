"""The shape of the data: objects, properties, their types, keys, bounds and allowed values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops.contracts.diff_bounds import compare_ends
from mlops.contracts.diff_common import COMMON
from mlops.contracts.diff_governance import classification, is_protected
from mlops.contracts.diff_node import (
    Change,
    Node,
    Place,
    clause,
    compare_lists,
    compare_nodes,
    members,
    same_meaning,
    value_clause,
    went,
)
from mlops.contracts.diff_rules import allowed_value, bound_change, pattern, quality
from mlops.contracts.nodes import mapping_of

_KEYS = ("id", "name", "physicalName")
_ENDS = (
    ("minLength", ""),
    ("maxLength", ""),
    ("minItems", ""),
    ("maxItems", ""),
    ("minProperties", ""),
    ("maxProperties", ""),
    ("minimum", "exclusiveMinimum"),
    ("maximum", "exclusiveMaximum"),
)


def schema(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``schema``: the objects of a contract."""
    yield from compare_lists(place, old, new, _KEYS, _object, _object_alone)


def _object_alone(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    if old is None:
        message = f"The object {place.id} was added: who delivers the data has to deliver it as well."
        yield place.change("object_added", "major", message)
    else:
        yield _removal(place, old, "object")


def _removal(place: Place, node: Node, noun: str) -> Change:
    said = f"The {noun} {place.id} was removed: what reads it breaks"
    if is_protected(node):
        message = f"{said}, and since it was protected, data protection confirms that it is gone and not only renamed."
        return place.change(f"{noun}_removed", "major_governance", message)
    return place.change(f"{noun}_removed", "major", f"{said}.")


def _object(place: Place, old: Node, new: Node) -> Iterator[Change]:
    yield from compare_nodes(place, old, new, _OBJECT)


def _properties(place: Place, old: Any, new: Any) -> Iterator[Change]:
    yield from compare_lists(place, old, new, _KEYS, _property, _property_alone)


def _property_alone(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    if old is not None:
        yield _removal(place, old, "property")
    elif any(mapping_of(new).get(key) is True for key in ("required", "primaryKey")):
        message = f"The required property {place.id} was added: data without it is refused."
        yield place.change("property_added", "major", message)
    elif asked := _asked_of_data(place, mapping_of(new)):
        message = f"The optional property {place.id} was added, and with it {', '.join(asked)}: data may be blocked."
        yield place.change("property_added", "major", message)
    else:
        message = f"The optional property {place.id} was added: what reads the others goes on as before."
        yield place.change("property_added", "minor", message)


def _asked_of_data(place: Place, node: Node) -> list[str]:
    """What a new property asks of data beyond its own type and bounds: a rule of it may be about any column."""
    nested = [*_properties(place.key("properties"), None, node.get("properties"))]
    if node.get("items"):
        nested += _property_alone(place.key("items"), None, node["items"])
    rules = [*quality(place.key("quality"), None, node.get("quality")), *nested]
    unique = ["that it is unique"] if node.get("unique") else []
    return unique + [change.id for change in rules if change.grade.startswith("major")]


def _property(place: Place, old: Node, new: Node) -> Iterator[Change]:
    yield from compare_nodes(place, old, new, _PROPERTY)


def _items(place: Place, old: Any, new: Any) -> Iterator[Change]:
    yield from compare_nodes(place, old, new, _PROPERTY)


def _names(noun: str) -> Any:
    def compare(place: Place, old: Node, new: Node) -> Iterator[Change]:
        before, after = (node.get("physicalName") or node.get("name") for node in (old, new))
        if old.get("name") != new.get("name"):
            message = f"The {noun} {went(old.get('name'), new.get('name'))}: what reads it by name breaks."
            yield place.key("name").change(f"{noun}_renamed", "major", message)
        if old.get("physicalName") != new.get("physicalName"):
            where = place.key("physicalName")
            if before == after:
                yield same_meaning(where)
            else:
                message = (
                    f"{where.name} {went(old.get('physicalName'), new.get('physicalName'))}: what reads it breaks."
                )
                yield where.change("physical_name_changed", "major", message)

    return compare


def _type(place: Place, old: Any, new: Any) -> Iterator[Change]:
    yield place.change("type_changed", "major", f"{place.name} {went(old, new)}: what reads it meets another type.")


def _required(place: Place, old: Any, new: Any) -> Iterator[Change]:
    if bool(old) == bool(new):
        yield same_meaning(place)
    elif old:
        message = f"{place.id} is no longer required: what reads it meets missing values."
        yield place.change("required_loosened", "major", message)
    else:
        message = f"{place.id} is required: data without it may be blocked; re-test the current data."
        yield place.change("required_tightened", "minor", message)


def _unique(place: Place, old: Any, new: Any) -> Iterator[Change]:
    if bool(old) == bool(new):
        yield same_meaning(place)
    else:
        message = f"{place.id} {'need no longer' if old else 'has to'} be unique: what joins on it changes."
        yield place.change("unique_changed", "major", message)


def _primary_key(place: Place, old: Node, new: Node) -> Iterator[Change]:
    """A position says something only within a key; -1 is how the standard says that there is none."""
    before, after = ((bool(n.get("primaryKey")), n.get("primaryKeyPosition", -1)) for n in (old, new))
    where = place.key("primaryKey" if before[0] != after[0] else "primaryKeyPosition")
    if before == after:
        yield same_meaning(place.key("primaryKey"))
    else:
        message = f"The part that {place.id} has in the primary key changed: what joins on the key breaks."
        yield where.change("primary_key_changed", "major", message)


def _end(inclusive: str, exclusive: str) -> Any:
    def compare(place: Place, old: Node, new: Node) -> Iterator[Change]:
        where = place.key(inclusive)
        direction = compare_ends(old, new, inclusive, exclusive)
        said = f"{where.name} {went(_said(old), _said(new))}"
        if direction == "same":
            yield same_meaning(where)
        elif direction == "changed":
            yield where.change("bound_changed", "major", f"{said}: nobody can say which allows more.")
        else:
            yield bound_change(where, said, loosened=direction == "loosened")

    return compare


def _said(node: Node) -> str | None:
    """One end in words: its number, and the key where it is not part of what is allowed."""
    words = [f"{'' if key.startswith('m') else key + ' '}{node[key]}" for key in sorted(node)]
    return " and ".join(words) or None


_OPTIONS = [*value_clause("pattern", pattern), *(clause(tuple(filter(None, ends)), _end(*ends)) for ends in _ENDS)]


def _options(place: Place, old: Any, new: Any) -> Iterator[Change]:
    yield from compare_nodes(place, mapping_of(old), mapping_of(new), _OPTIONS)


def _enum(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``enum``: entries with a ``value`` and words about it. A first or last value turns the clause on or off."""
    before, after = (_by_value(value) for value in (old, new))
    for label in sorted(set(before) | set(after)):
        where = place.member(label)
        if label in before and label in after:
            yield from compare_nodes(where, before[label], after[label], COMMON)
        else:
            yield allowed_value(where, label, came=label in after)


def _by_value(entries: Any) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for entry in members(entries).values():
        node = mapping_of(entry)
        found.update({label: node for label in members(node.get("value"))})
    return found


_COMMON = [
    *value_clause(("logicalType", "physicalType"), _type),
    *value_clause("properties", _properties),
    *value_clause("quality", quality),
    *COMMON,
]
_OBJECT = [clause(("name", "physicalName"), _names("object")), *_COMMON]
_PROPERTY = [
    clause(("name", "physicalName"), _names("property")),
    clause(("primaryKey", "primaryKeyPosition"), _primary_key),
    *value_clause("required", _required),
    *value_clause("unique", _unique),
    *value_clause("classification", classification),
    *value_clause("logicalTypeOptions", _options),
    *value_clause("enum", _enum),
    *value_clause("items", _items),
    *_COMMON,
]
