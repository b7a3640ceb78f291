"""Who may have the data, who approves, who answers for it, and the documents that this rests on."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from typing import Any

from mlops.contracts.diff_common import COMMON
from mlops.contracts.diff_governance import DEFAULT_DATA_PROTECTION
from mlops.contracts.diff_node import (
    Change,
    Node,
    Place,
    compare_lists,
    compare_nodes,
    value_clause,
    went,
)
from mlops.contracts.nodes import mapping_of

_ANSWERABLE = ("owner", "dpo", DEFAULT_DATA_PROTECTION)


def roles(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``roles`` of the contract or of a server: who receives data, and who approves that."""
    yield from compare_lists(place, old, new, ("role",), _role, _role_alone)


def _role_alone(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    if old is None:
        message = f"{place.name} was added: more people receive the data."
        yield place.change("role_added", "major_governance", message)
    else:
        message = f"{place.name} was removed: its people lose access, and its approvers their say."
        yield place.change("role_removed", "major_governance", message)


def _role(place: Place, old: Node, new: Node) -> Iterator[Change]:
    yield from compare_nodes(place, old, new, _ROLE)


def _access(place: Place, old: Any, new: Any) -> Iterator[Change]:
    message = f"{place.name} {went(old, new)}: the role may do other things with the data."
    yield place.change("access_changed", "major_governance", message)


def _approver(place: Place, old: Any, new: Any) -> Iterator[Change]:
    message = f"{place.name} {went(old, new)}: other people decide who gets the data."
    yield place.change("approver_changed", "major_governance", message)


_ROLE = [
    *value_clause("access", _access),
    *value_clause(("firstLevelApprovers", "secondLevelApprovers"), _approver),
    *COMMON,
]


def team(data_protection: str) -> Callable[[Place, Any, Any], Iterator[Change]]:
    """How ``team`` is compared, a mapping with ``members`` or the older plain list of members.

    Args:
        data_protection: the role that answers for data protection by the old version, besides those that always do.
    """
    answerable = frozenset(map(_plain, (*_ANSWERABLE, data_protection)))

    def alone(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
        yield _member_alone(place, old, answerable)

    def both(place: Place, old: Node, new: Node) -> Iterator[Change]:
        yield from _member(place, old, new, answerable)

    def members(place: Place, old: Any, new: Any) -> Iterator[Change]:
        yield from compare_lists(place, old, new, ("username", "id", "name"), both, alone)

    clauses = [*value_clause("name", _team_name), *value_clause("members", members), *COMMON]

    def compare(place: Place, old: Any, new: Any) -> Iterator[Change]:
        before, after = ({"members": value} if isinstance(value, list) else value for value in (old, new))
        yield from compare_nodes(place, mapping_of(before), mapping_of(after), clauses)

    return compare


def _member_alone(place: Place, old: Node | None, answerable: Container[str]) -> Change:
    if old is not None and _role_of(old) in answerable:
        message = f"{place.name}, {_role_of(old)}, was removed: nobody of that name answers for the data any more."
        return place.change("member_removed", "major_governance", message)
    verb = "added" if old is None else "removed"
    return place.change(f"member_{verb}", "patch", f"{place.name} was {verb}.")


def _plain(role: str) -> str:
    """A role without the differences of spelling: case, and what stands between its words."""
    return re.sub(r"[\s_-]+", "-", role.strip().casefold())


def _role_of(member: Node) -> str:
    return _plain(str(mapping_of(member).get("role", "")))


def _member(place: Place, old: Node, new: Node, answerable: Container[str]) -> Iterator[Change]:
    """Someone who answers for the data and gets another role, or leaves, is gone as such; all else is a name."""
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        where = place.key(key)
        if key in ("role", "dateOut", "replacedByUsername") and _role_of(old) in answerable:
            message = f"{where.name} {went(before, after)}: the {_role_of(old)} no longer answers for the data."
            yield where.change("member_changed", "major_governance", message)
        else:
            yield where.change("member_changed", "patch", f"{where.name} {went(before, after)}.")


def _team_name(place: Place, old: Any, new: Any) -> Iterator[Change]:
    yield place.change("team_name_changed", "patch", f"{place.name} {went(old, new)}.")


def servers(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``servers``: where the data lies."""
    yield from compare_lists(place, old, new, ("id", "server"), _server, _server_alone)


def _server_alone(place: Place, old: Node | None, new: Node | None) -> Iterator[Change]:
    if old is None:
        yield place.change("server_added", "major", f"{place.name} was added: the data lies there as well.")
    else:
        yield place.change("server_removed", "major", f"{place.name} was removed: who reads the data there finds none.")
    lists = (mapping_of(node).get("roles") for node in (old, new))
    yield from roles(place.key("roles"), *lists)


def _server(place: Place, old: Node, new: Node) -> Iterator[Change]:
    yield from compare_nodes(place, old, new, _SERVER)


_SERVER = [*value_clause("roles", roles), *COMMON]
