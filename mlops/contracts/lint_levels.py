"""What lint asks of ``slaProperties``: the service levels, of which the retention is one."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from mlops.contracts.contract import Contract
from mlops.contracts.lint_rule import Place, lint_rule
from mlops.contracts.profile import enumerate_sla
from mlops.contracts.retention import months_or_days

RETENTION = "retention"
LEVELS = (
    RETENTION, "availability", "documentationRetention", "endOfLife", "endOfSupport", "errorRate", "freshness",
    "frequency", "generalAvailability", "latency", "throughput", "timeOfAvailability", "timeToDetect", "timeToNotify",
    "timeToRepair",
)  # fmt: skip
"""Service levels that the standard suggests, and those that something here reads."""


@lint_rule("CONTRACT-053", "error", "A retention clause is a whole number of days, weeks, months or years of a column.")
def retention(contract: Contract) -> Iterator[Place]:
    columns = {f"{table.name}.{column.name}": column for table in contract.objects for column in table.properties}
    for path, entry in enumerate_sla(contract.document):
        if entry.get("property") != RETENTION:
            continue
        name = f"retention {entry.get('id')}"
        if months_or_days(entry.get("value"), entry.get("unit")) is None:
            message = f"{name}: expected a whole number and a unit (d, w, m, y)"
            yield path, message, "write for example value: 2, unit: y"
        column = columns.get(str(entry.get("element")))
        if "element" in entry and (column is None or column.logical_type not in ("timestamp", "date")):
            message = f"{name}: expected element to be OBJECT.PROPERTY of a timestamp or date"
            yield path, message, "name the column from which the period runs"


@lint_rule("CONTRACT-054", "warning", "Something says how long the data is kept, counted from a column of it.")
def some_retention(contract: Contract) -> Iterator[Place]:
    found = [(path, entry) for path, entry in enumerate_sla(contract.document) if entry.get("property") == RETENTION]
    if not found:
        yield ("slaProperties",), "no retention is declared", "add a property retention to slaProperties"
    for path, entry in found:
        if "element" not in entry:
            message = f"retention {entry.get('id')} names no column: no stage can see when its time is over"
            yield path, message, "write element: OBJECT.PROPERTY, a timestamp or date"


@lint_rule("CONTRACT-061", "warning", "A service level has a name that something here knows: a wrong one says nothing.")
def known_levels(contract: Contract) -> Iterator[Place]:
    for path, entry in enumerate_sla(contract.document):
        name = entry.get("property")
        if isinstance(name, str) and name not in LEVELS:
            near = get_close_matches(name, LEVELS, 1)
            todo = f"write {near[0]}, if that is meant" if near else f"known are {', '.join(LEVELS)}"
            yield path, f"nobody here knows the service level {name}", todo
