"""The clauses that any node of a contract may carry: id, descriptions, tags, custom properties, definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops.contracts.diff_governance import custom_properties, tags
from mlops.contracts.diff_node import (
    Change,
    Node,
    Place,
    compare_lists,
    compare_nodes,
    same_meaning,
    value_clause,
    went,
)
from mlops.contracts.nodes import mapping_of

TEXTS = (
    "description",
    "businessName",
    "businessImpact",
    "dataGranularityDescription",
    "transformDescription",
    "examples",
    "synonyms",
    "label",
)

_GOVERNED = ("dpia", "licence", "license")


def text(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """A description: nothing that is checked or enforced."""
    yield place.change("text_changed", "patch", f"{place.name} is worded differently: nothing that is checked changes.")


def _identity(place: Place, old: Any, new: Any) -> Iterator[Change]:
    given = [value for value in (old, new) if value is not None]
    if len(given) == 1 and place.path.endswith(f"[{given[0]}].id"):
        yield same_meaning(place)
        return
    message = f"The id at {place.name} {went(old, new)}: what refers to it no longer finds it."
    yield place.change("id_changed", "major", message)


def definitions(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``authoritativeDefinitions``: what rests on a data-protection impact assessment or a licence."""
    yield from compare_lists(place, old, new, ("id", "type"), _definition, _definition_alone)


def _is_governed(node: Any) -> bool:
    entry = mapping_of(node)
    words = f"{entry.get('type', '')} {entry.get('id', '')}".casefold()
    return any(word in words for word in _GOVERNED)


def _definition_alone(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    verb = "added" if old is None else "removed"
    yield _definition_change(place, _is_governed(old or new), verb, f"was {verb}")


def _definition_change(place: Place, governed: bool, verb: str, said: str) -> Change:
    if governed:
        message = f"{place.name} {said}: the data rests on another assessment or licence."
        return place.change(f"governed_link_{verb}", "major_governance", message)
    return place.change(f"link_{verb}", "major", f"{place.name} {said}: the contract leans on another document.")


def _definition(place: Place, old: Node, new: Node) -> Iterator[Change]:
    governed = _is_governed(old) or _is_governed(new)

    def link(where: Place, before: Any, after: Any) -> Iterator[Change]:
        yield _definition_change(where, governed, "changed", went(before, after))

    clauses = [*value_clause(("url", "type", "id"), link), *value_clause("description", text)]
    yield from compare_nodes(place, old, new, clauses)


COMMON = [
    *value_clause("id", _identity),
    *value_clause(TEXTS, text),
    *value_clause("tags", tags),
    *value_clause("customProperties", custom_properties),
    *value_clause("authoritativeDefinitions", definitions),
]
"""Stands last in a table, so that a node may have a clause of its own for one of these keys."""
