"""What changed between two versions of a contract, how much each change weighs, and whether the version says so.

Each subject has its own module: structure, rules, people, service levels, governance. What none of them knows is an
unknown change, and major.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mlops.contracts.contract import Contract
from mlops.contracts.diff_common import COMMON, text
from mlops.contracts.diff_governance import DATA_PROTECTION, DEFAULT_DATA_PROTECTION
from mlops.contracts.diff_node import Change, Grade, Place, compare_nodes, value_clause, went
from mlops.contracts.diff_people import roles, servers, team
from mlops.contracts.diff_service import service_levels
from mlops.contracts.diff_structure import schema
from mlops.contracts.errors import ContractError
from mlops.contracts.nodes import custom_properties

__all__ = ["Bump", "Change", "ContractDiff", "Grade", "diff"]

Bump = Literal["major", "minor", "patch", "none"]

_GRADES: tuple[Grade, ...] = ("major_governance", "major", "minor", "patch")
_BUMPS: tuple[Bump, ...] = ("none", "patch", "minor", "major")


@dataclass(frozen=True)
class ContractDiff:
    """What changed and what that asks of the version.

    Attributes:
        changes: the weightiest first, then by place; empty where both versions say the same.
        required_bump: the least bump that the changes allow.
        actual_bump: the part of MAJOR.MINOR.PATCH that was raised; ``none`` also where the version went down.
        ok: the version did not go down, and was raised by at least what is required.
    """

    changes: tuple[Change, ...]
    required_bump: Bump
    actual_bump: Bump
    ok: bool


def diff(old: Contract, new: Contract) -> ContractDiff:
    """Compare two versions of one contract; their ``version`` is what is judged, not a change.

    Raises:
        ContractError: CONTRACT-020, they are not versions of one contract.
    """
    if (old.id, old.name) != (new.id, new.name):
        message = f"expected two versions of one contract, found {old.name} ({old.id}) and {new.name} ({new.id})"
        todo = "compare files with the same id and name"
        raise ContractError("CONTRACT-020", message, where=str(new.path), todo=todo)
    before, after = ({**each.document.data, "version": ""} for each in (old, new))
    data_protection = str(custom_properties(old.document.data).get(DATA_PROTECTION, DEFAULT_DATA_PROTECTION))
    found = set(compare_nodes(Place(), before, after, [*value_clause("team", team(data_protection)), *_CONTRACT]))
    changes = tuple(sorted(found, key=lambda one: (_GRADES.index(one.grade), one.path, one.kind, one.message)))
    required = _required_bump(changes)
    actual = _actual_bump(old.version, new.version)
    went_down = _numbers(new.version) < _numbers(old.version)
    return ContractDiff(changes, required, actual, not went_down and _BUMPS.index(actual) >= _BUMPS.index(required))


def _required_bump(changes: tuple[Change, ...]) -> Bump:
    if not changes:
        return "none"
    grade = changes[0].grade
    return "major" if grade == "major_governance" else grade


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _actual_bump(old: str, new: str) -> Bump:
    before, after = _numbers(old), _numbers(new)
    if after <= before:
        return "none"
    place = next(place for place in range(3) if before[place] != after[place])
    return _BUMPS[3 - place]


def _status(place: Place, old: Any, new: Any) -> Iterator[Change]:
    message = f"The status {went(old, new)}: only an active contract lets data be used."
    yield place.change("status_changed", "major", message)


def _default_element(place: Place, old: Any, new: Any) -> Iterator[Change]:
    message = f"{place.name} {went(old, new)}: periods without an element of their own run from another time."
    yield place.change("retention_changed", "major_governance", message)


def _description(place: Place, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from compare_nodes(place, old, new, _DESCRIPTION)
    else:
        yield from text(place, old, new)


_DESCRIPTION = [*value_clause(("purpose", "usage", "limitations"), text), *COMMON]
_CONTRACT = [
    *value_clause("schema", schema),
    *value_clause("status", _status),
    *value_clause("roles", roles),
    *value_clause("servers", servers),
    *value_clause("slaProperties", service_levels),
    *value_clause("slaDefaultElement", _default_element),
    *value_clause("description", _description),
    *COMMON,
]
