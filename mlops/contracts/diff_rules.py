"""Quality rules: what is measured, which figures are accepted, and whether a failure blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops.contracts.diff_bounds import compare_operators, operator_of
from mlops.contracts.diff_common import COMMON, text
from mlops.contracts.diff_node import (
    Change,
    Node,
    Place,
    clause,
    compare_lists,
    compare_nodes,
    members,
    same,
    same_meaning,
    spelled,
    value_clause,
    went,
)
from mlops.contracts.nodes import OPERATORS, mapping_of
from mlops.contracts.plan import BLOCKING, SEVERITIES

_MEASURE = ("type", "metric", "rule", "query", "engine", "implementation")


def quality(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """A ``quality`` list, wherever it stands."""
    yield from compare_lists(place, old, new, ("id", "name"), _both, _one)


def _severity_of(rule: Node) -> Any:
    severity = rule.get("severity")
    return "error" if severity is None else severity


def _one(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    rule = mapping_of(old or new)
    warns = _severity_of(rule) in SEVERITIES and _severity_of(rule) not in BLOCKING
    said = f"The {'warning' if warns else 'blocking'} rule {place.id} was {'added' if old is None else 'removed'}"
    if old is not None:
        loss = "nobody is warned any more" if warns else "what it blocked passes"
        yield place.change("rule_removed", "major", f"{said}: {loss}.")
    elif warns:
        yield place.change("rule_added", "minor", f"{said}: it warns and blocks nothing; re-test the current data.")
    else:
        yield place.change("rule_added", "major", f"{said}: data that passed may be blocked.")


def _both(place: Place, old: Node, new: Node) -> Iterator[Change]:
    described = [clause("description", _instruction)] if "text" in (old.get("type"), new.get("type")) else []
    yield from compare_nodes(place, old, new, [*described, *_RULE])


def _instruction(place: Place, old: Node, new: Node) -> Iterator[Change]:
    message = f"What a person has to check for {place.id} is worded differently: it may be another check."
    yield place.key("description").change("measure_changed", "major", message)


def _measure(place: Place, old: Node, new: Node) -> Iterator[Change]:
    before, after = ({**node, "type": node.get("type", "library")} for node in (old, new))
    changed = [key for key in _MEASURE if not same(before.get(key), after.get(key))]
    if not changed:
        yield same_meaning(place.key("type"))
    for key in changed:
        message = f"{place.name}.{key} {went(before.get(key), after.get(key))}: the rule measures something else."
        yield place.key(key).change("measure_changed", "major", message)


def _arguments(place: Place, old: Any, new: Any) -> Iterator[Change]:
    before, after = mapping_of(old), mapping_of(new)
    for key in sorted(set(before) | set(after)):
        where, values = place.key(key), (before.get(key), after.get(key))
        if same(*values):
            continue
        if key == "validValues" and None not in values:
            yield from allowed_values(where, *values)
        elif key == "pattern":
            yield from pattern(where, *values)
        else:
            message = f"{where.name} {went(*values)}: the rule measures something else."
            yield where.change("measure_changed", "major", message)


def allowed_values(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """Values that are allowed, as plain members of a list."""
    before, after = members(old), members(new)
    for label in sorted(set(before) ^ set(after)):
        where = place.member(label)
        yield allowed_value(where, label, came=label in after)


def allowed_value(place: Place, label: str, *, came: bool) -> Change:
    """One allowed value that came or went."""
    if came:
        message = f"{spelled(label)} is allowed in {place.id}: who reads the data meets a new value."
        return place.change("allowed_value_added", "major", message)
    message = f"{spelled(label)} is no longer allowed in {place.id}: data that passed may be blocked."
    return place.change("allowed_value_removed", "major", message)


def pattern(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """A pattern: nobody can say which of two accepts more."""
    message = f"{place.name} {went(old, new)}: other values are accepted."
    yield place.change("pattern_changed", "major", message)


def _operator(place: Place, old: Node, new: Node) -> Iterator[Change]:
    before, after = operator_of(old), operator_of(new)
    if before is None or after is None:
        message = f"The bound of {place.id} {went(before and str(before), after and str(after))}."
        yield place.change("operator_changed", "major", message)
        return
    where = place.key(before.name) if before.name == after.name else place
    direction = compare_operators(before, after)
    said = f"The rule {place.id} accepts {after} instead of {before}"
    if direction == "same":
        yield same_meaning(where)
    else:
        yield bound_change(where, said, loosened=direction == "loosened")


def bound_change(place: Place, said: str, *, loosened: bool) -> Change:
    """A bound that lets more through, or only less."""
    if loosened:
        return place.change("bound_loosened", "major", f"{said}: data passes that failed before.")
    message = f"{said}: data may fail that passed before; re-test the current data."
    return place.change("bound_tightened", "minor", message)


def _unit(place: Place, old: Any, new: Any) -> Iterator[Change]:
    before, after = ("rows" if value is None else value for value in (old, new))
    if before == after:
        yield same_meaning(place)
    else:
        message = f"{place.name} went from {spelled(before)} to {spelled(after)}: the same number means something else."
        yield place.change("unit_changed", "major", message)


def _severity(place: Place, old: Any, new: Any) -> Iterator[Change]:
    before, after = ("error" if value is None else value for value in (old, new))
    said = f"The severity of {place.id} went from {spelled(before)} to {spelled(after)}"
    if before == after:
        yield same_meaning(place)
    elif before not in SEVERITIES or after not in SEVERITIES:
        yield place.change("severity_changed", "major", f"{said}: nobody can say whether it blocks less.")
    elif SEVERITIES.index(after) < SEVERITIES.index(before):
        stops = before in BLOCKING and after not in BLOCKING
        meaning = "what it blocked passes" if stops else "a failure counts for less"
        yield place.change("severity_downgraded", "major", f"{said}: {meaning}.")
    else:
        message = f"{said}: a failure counts for more; re-test the current data."
        yield place.change("severity_upgraded", "minor", message)


_RULE = [
    clause(OPERATORS, _operator),
    clause(_MEASURE, _measure),
    *value_clause("arguments", _arguments),
    *value_clause("unit", _unit),
    *value_clause("severity", _severity),
    *value_clause("name", text),
    *COMMON,
]
