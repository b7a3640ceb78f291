"""Which of two bounds lets more through: operators of rules, and the ends of lengths and ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

from mlops.contracts.contract import Operator
from mlops.contracts.nodes import OPERATORS, is_number

Direction = Literal["loosened", "tightened", "same", "changed"]


def operator_of(node: Mapping[str, Any]) -> Operator | None:
    """The one operator of a rule, None where it has none, or one without numbers."""
    for name in OPERATORS:
        if name in node:
            bounds = node[name] if isinstance(node[name], list) else [node[name]]
            return Operator(name, tuple(bounds)) if bounds and all(map(is_number, bounds)) else None
    return None


def compare_operators(old: Operator, new: Operator) -> Direction:
    """Whether ``new`` accepts a number that ``old`` refused (loosened, whatever else it refuses now), or only refuses
    more (tightened).

    Both are true on whole stretches between their bounds; so one number of each stretch, and the bounds, decide.
    """
    numbers = _numbers(old, new)
    if any(new.holds(number) and not old.holds(number) for number in numbers):
        return "loosened"
    return "tightened" if any(old.holds(number) and not new.holds(number) for number in numbers) else "same"


def _numbers(*operators: Operator) -> list[float]:
    bounds = sorted({bound for each in operators for bound in each.bounds})
    between = [low / 2 + high / 2 for low, high in pairwise(bounds)]
    return [-math.inf, *bounds, *between, math.inf]


def compare_ends(old: Mapping[str, Any], new: Mapping[str, Any], inclusive: str, exclusive: str) -> Direction:
    """One end of a length or range, given by one of two keys; without either it is open.

    Args:
        inclusive: the key whose number belongs to what is allowed, ``min…`` or ``max…``.
        exclusive: the key whose number does not.

    Returns:
        ``changed`` where an end is given twice or is no number.
    """
    lower = inclusive.startswith("min")
    before, after = _end(old, inclusive, exclusive, lower), _end(new, inclusive, exclusive, lower)
    if before is None or after is None:
        return "changed"
    if before == after:
        return "same"
    return "tightened" if (after > before) == lower else "loosened"


def _end(node: Mapping[str, Any], inclusive: str, exclusive: str, lower: bool) -> tuple[float, int] | None:
    """The end as a pair that grows with what it excludes from below."""
    given = [key for key in (inclusive, exclusive) if key in node]
    if not given:
        return (-math.inf, 0) if lower else (math.inf, 0)
    if len(given) > 1 or not is_number(node[given[0]]):
        return None
    strict = given[0] == exclusive
    return node[given[0]], (1 if lower else -1) if strict else 0
