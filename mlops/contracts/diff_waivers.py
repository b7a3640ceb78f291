"""Waivers: rules that are not run for a while, so that more of them, or for longer, is a looser contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from mlops.contracts.diff_node import Change, Node, Place, compare_lists, same, same_meaning, unknown, went


def compare_waivers(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``mlops.waivers``, paired by ``rule``; an ``expires`` that is no day counts as loosened."""
    yield from compare_lists(place, old, new, ("rule",), _both, _one)


def _one(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    if old is None:
        message = f"{place.name} was added: a rule is not run until the waiver expires."
        yield place.change("waiver_added", "major", message)
    else:
        message = f"{place.name} was removed: the rule is run again; re-test the current data."
        yield place.change("waiver_removed", "minor", message)


def _both(place: Place, old: Node, new: Node) -> Iterator[Change]:
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if same(before, after):
            continue
        where = place.key(key)
        if key == "expires":
            yield _expiry(where, before, after)
        elif key == "reason":
            yield where.change("text_changed", "patch", f"{where.name} is worded differently.")
        elif key == "owner":
            yield where.change("waiver_owner_changed", "major", f"{where.name} {went(before, after)}.")
        else:
            yield unknown(where, before, after)


def _expiry(place: Place, old: Any, new: Any) -> Change:
    said = f"{place.name} {went(old, new)}"
    try:
        before, after = date.fromisoformat(old), date.fromisoformat(new)
    except (TypeError, ValueError):
        return place.change("waiver_changed", "major", f"{said}: nobody can say whether the rule is waived for longer.")
    if before == after:
        return same_meaning(place)
    if after > before:
        return place.change("waiver_lengthened", "major", f"{said}: the rule is not run for longer.")
    return place.change("waiver_shortened", "minor", f"{said}: the rule is run again sooner; re-test the data then.")
