"""Service levels: how long data is kept and how fresh it is, with periods in different units made comparable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops.contracts.diff_common import COMMON
from mlops.contracts.diff_node import (
    Change,
    Node,
    Place,
    clause,
    compare_lists,
    compare_nodes,
    same,
    same_meaning,
    went,
)
from mlops.contracts.nodes import is_number, mapping_of

# Shortest and longest a unit can last, in days. The units are those by which retention is enforced; hours, minutes and
# seconds are for freshness alone.
_DAYS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), (1 / 86400, 1 / 86400)),
    **dict.fromkeys(("min", "minute", "minutes"), (1 / 1440, 1 / 1440)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), (1 / 24, 1 / 24)),
    **dict.fromkeys(("d", "day", "days"), (1, 1)),
    **dict.fromkeys(("w", "week", "weeks"), (7, 7)),
    **dict.fromkeys(("m", "mo", "month", "months"), (28, 31)),
    **dict.fromkeys(("y", "yr", "year", "years"), (365, 366)),
}
_MONTHS = {**dict.fromkeys(("m", "mo", "month", "months"), 1), **dict.fromkeys(("y", "yr", "year", "years"), 12)}

_PERIOD = ("value", "valueExt", "unit")


def service_levels(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``slaProperties``, paired by ``id`` alone: two retention clauses are two clauses."""
    yield from compare_lists(place, old, new, ("id",), _both, _one)


def _property(node: Node) -> str:
    return str(mapping_of(node).get("property", "")).strip().casefold()


def _one(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    kind, verb = _property(old or new or {}), "added" if old is None else "removed"
    said = f"{place.name} ({kind}) was {verb}"
    if kind == "retention":
        yield _retention_change(place, said, longer=new is None)
    elif kind == "freshness":
        yield _freshness_change(place, said, looser=new is None)
    else:
        yield place.change(f"service_level_{verb}", "major", f"{said}: no rule says what that means.")


def _both(place: Place, old: Node, new: Node) -> Iterator[Change]:
    """A clause that becomes another kind of clause is one that went and one that came."""
    kind = _property(old)
    if kind != _property(new):
        yield from _one(place, old, None)
        yield from _one(place, None, new)
    elif kind == "retention":
        yield from compare_nodes(place, old, new, [clause(_PERIOD, _retention), clause("element", _element), *_REST])
    elif kind == "freshness":
        yield from compare_nodes(place, old, new, [clause(_PERIOD, _freshness), *_REST])
    else:
        yield from compare_nodes(place, old, new, _REST)


def _respelled(place: Place, old: Any, new: Any) -> Iterator[Change]:
    yield same_meaning(place)


_REST = [clause("property", _respelled), *COMMON]


def _retention(place: Place, old: Node, new: Node) -> Iterator[Change]:
    longer, said = _is_longer(old, new), f"{place.name} {went(_said(old), _said(new))}"
    if longer is None:
        message = f"{said}: nobody can say whether the data is kept for longer."
        yield place.change("retention_changed", "major_governance", message)
    elif longer == "same":
        yield same_meaning(place)
    else:
        yield _retention_change(place, said, longer=longer == "longer")


def _retention_change(place: Place, said: str, *, longer: bool) -> Change:
    if longer:
        return place.change("retention_lengthened", "major_governance", f"{said}: data is kept for longer.")
    return place.change("retention_shortened", "minor", f"{said}: data has to go sooner; schedule a purge.")


def _element(place: Place, old: Node, new: Node) -> Iterator[Change]:
    where = place.key("element")
    message = f"{where.name} {went(old.get('element'), new.get('element'))}: the period runs from another time."
    yield where.change("retention_changed", "major_governance", message)


def _freshness(place: Place, old: Node, new: Node) -> Iterator[Change]:
    longer, said = _is_longer(old, new), f"{place.name} {went(_said(old), _said(new))}"
    if longer is None:
        yield place.change("freshness_changed", "major", f"{said}: nobody can say whether data may be older.")
    elif longer == "same":
        yield same_meaning(place)
    else:
        yield _freshness_change(place, said, looser=longer == "longer")


def _freshness_change(place: Place, said: str, *, looser: bool) -> Change:
    if looser:
        return place.change("freshness_loosened", "major", f"{said}: data may be older.")
    return place.change("freshness_tightened", "minor", f"{said}: data has to be newer; re-test the current data.")


def _said(node: Node) -> str:
    return " ".join(str(node[key]) for key in _PERIOD if node.get(key) is not None)


def _is_longer(old: Node, new: Node) -> str | None:
    """``longer``, ``shorter`` or ``same``; None where a period cannot be read. Longer unless it surely is not: a month
    may have 31 days, a year 366."""
    if not same(old.get("valueExt"), new.get("valueExt")):
        return None
    periods = [_period(node) for node in (old, new)]
    if None in periods:
        return None
    (before, before_months), (after, after_months) = (period for period in periods if period is not None)
    if before_months is not None and after_months is not None:
        before, after = (before_months, before_months), (after_months, after_months)
    if before == after:
        return "same"
    return "shorter" if after[1] <= before[0] else "longer"


def _period(node: Node) -> tuple[tuple[float, float], float | None] | None:
    """Shortest and longest length in days, and the length in months where the unit is made of months."""
    value: Any = node.get("value")
    unit = str(node.get("unit", "")).strip().casefold()
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if not is_number(value) or value < 0 or unit not in _DAYS:
        return None
    shortest, longest = _DAYS[unit]
    months = value * _MONTHS[unit] if unit in _MONTHS else None
    return (value * shortest, value * longest), months
