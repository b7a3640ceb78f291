"""How long data about people is kept, and how it is deleted on request: what more than one regulation asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import DELETION
from mlops.contracts.nodes import is_number, mapping_of
from mlops.contracts.packs.declared import at_root, root
from mlops.contracts.packs.pack_rule import Place
from mlops.contracts.packs.personal import Table, tables, tables_about_people
from mlops.contracts.profile import enumerate_sla
from mlops.contracts.retention import months_or_days


def unkept(contract: Contract) -> Iterator[Place]:
    """Objects about people without a retention, and retentions without a period or a declared column.

    A retention covers the object that its element names, and those whose rows carry that object's primary key.
    """
    about_people = tables_about_people(contract)
    if not about_people:
        return
    known = {f"{table.name}.{name}": table for table in tables(contract) for name in table.names}
    covered: list[Table] = []
    for path, entry in enumerate_sla(contract.document):
        if entry.get("property") == "retention":
            named, problem = _retention(entry, known)
            covered += named
            if problem:
                yield path, f"retention {entry.get('id')}: {problem}", "write value, unit and element: OBJECT.PROPERTY"
    for table in about_people:
        if not any(table.name == other.name or table.belongs_to(other) for other in covered):
            message = f"object {table.name} holds data about people and no retention covers it"
            yield table.path, message, "add a retention to slaProperties whose element is a column of it"


def _retention(entry: Mapping[str, Any], known: Mapping[str, Table]) -> tuple[list[Table], str]:
    """The objects that one retention names, and what is wrong with it."""
    if months_or_days(entry.get("value"), entry.get("unit")) is None:
        return [], "expected a period, a whole number of days, weeks, months or years"
    named: list[Table] = []
    for element in str(entry.get("element", "")).split(","):
        if element.strip() not in known:
            return named, "expected an element that is a declared column"
        named.append(known[element.strip()])
    return named, ""


def not_deletable(contract: Contract) -> Iterator[Place]:
    """No ``mlops.deletion``, or objects about people that lack the column by which it finds them."""
    about_people = tables_about_people(contract)
    if not about_people:
        return
    key = mapping_of(root(contract).get(DELETION)).get("keyField")
    if not isinstance(key, str):
        message = f"expected {DELETION} with a keyField, found none"
        todo = f"declare {DELETION}: {{keyField: COLUMN, maxDays: DAYS}}"
        yield at_root(contract, DELETION), message, todo
        return
    for table in about_people:
        if key not in table.names:
            message = f"object {table.name} holds data about people and lacks the column {key} that deletion goes by"
            yield table.path, message, "add the column, or name one that every such object has"


def deleted_late(contract: Contract, days: int) -> Iterator[Place]:
    """A ``mlops.deletion`` that takes longer than ``days``, or does not say how long."""
    deletion = mapping_of(root(contract).get(DELETION))
    if not deletion or not tables_about_people(contract):
        return
    given: Any = deletion.get("maxDays")
    if not is_number(given) or not 0 < given <= days:
        found = str(given) if is_number(given) else "no number"
        message = f"expected maxDays of {DELETION} from 1 to {days}, found {found}"
        yield at_root(contract, DELETION), message, f"delete within {days} days, or have the longer time justified"
