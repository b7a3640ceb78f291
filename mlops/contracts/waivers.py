"""Rules that a contract sets aside for now: by whom, why and until when.

``customProperties: - {property: mlops.waivers, value: [{rule, owner, reason, expires}]}``. A waiver is in force up to
and with its last day. Whether that day is past depends on today, so compilation never asks: lint does, and the gate
before each stage. A waiver that cannot be honoured is an error and not a rule that runs after all, because its owner
believes that it does not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from mlops.contracts.contract import Contract
from mlops.contracts.errors import Finding
from mlops.contracts.nodes import custom_properties, list_of, mapping_of
from mlops.yaml_source import NodePath

if TYPE_CHECKING:
    from mlops.contracts.plan import Rule

WAIVERS = "mlops.waivers"
_FIELDS = ("rule", "owner", "reason", "expires")


@dataclass(frozen=True)
class Waiver:
    """One rule that is not run: ``rule`` is its id in the plan, ``expires`` the last day of the waiver."""

    rule: str
    owner: str
    reason: str
    expires: date


def waivers(contract: Contract) -> tuple[Waiver, ...]:
    """The waivers of a contract, in its order; entries that are not whole are left out: lint reports them."""
    found = (_waiver(entry) for entry in _entries(contract))
    return tuple(waiver for waiver in found if waiver is not None)


def expired_waivers(contract: Contract, on: date) -> tuple[Waiver, ...]:
    """Waivers whose last day is before ``on``."""
    return tuple(waiver for waiver in waivers(contract) if waiver.expires < on)


def waiver_findings(contract: Contract, rules: Sequence[Rule]) -> Iterator[Finding]:
    """What is wrong with the waivers of a contract, given the ``rules`` it declares.

    CONTRACT-063 not whole; 064 no such rule; 065 of a critical rule; 066 one rule twice.
    """
    severities = {rule.id: rule.severity for rule in rules}
    seen: set[str] = set()
    declared = custom_properties(contract.document.data).get(WAIVERS, [])
    if not isinstance(declared, list):
        yield _finding(contract, None, "063", f"expected {WAIVERS}, a list", "write one entry for each waiver")
    for position, entry in enumerate(_entries(contract)):
        waiver = _waiver(entry)
        if waiver is None:
            message = f"a waiver needs {', '.join(_FIELDS)} and nothing else; expires as YYYY-MM-DD"
            yield _finding(contract, position, "063", message, "write it whole")
            continue
        if waiver.rule not in severities:
            message = f"waiver of {waiver.rule}: no rule of this id is run"
            yield _finding(contract, position, "064", message, "name a rule as OBJECT[.PROPERTY].CLAUSE, or remove it")
        elif severities[waiver.rule] == "critical":
            message = f"waiver of {waiver.rule}: a critical rule cannot be waived"
            yield _finding(contract, position, "065", message, "correct the data, or change the contract")
        if waiver.rule in seen:
            yield _finding(contract, position, "066", f"{waiver.rule} is waived twice", "keep one of the two")
        seen.add(waiver.rule)


def expiry_findings(contract: Contract, on: date) -> Iterator[Finding]:
    """CONTRACT-067 for each waiver whose last day is before ``on``."""
    late = set(expired_waivers(contract, on))
    for position, entry in enumerate(_entries(contract)):
        if (waiver := _waiver(entry)) in late and waiver is not None:
            message = f"the waiver of {waiver.rule} expired on {waiver.expires}"
            yield _finding(contract, position, "067", message, "remove it, or have a new day approved")


def _entries(contract: Contract) -> list[Any]:
    return list_of(custom_properties(contract.document.data).get(WAIVERS))


def _waiver(entry: Any) -> Waiver | None:
    words: Mapping[str, Any] = mapping_of(entry)
    texts = [text.strip() for text in map(words.get, _FIELDS) if isinstance(text, str)]
    if set(words) != set(_FIELDS) or len(texts) < len(_FIELDS) or not all(texts):
        return None
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", texts[3]):
        return None
    try:
        return Waiver(texts[0], texts[1], texts[2], date.fromisoformat(texts[3]))
    except ValueError:
        return None


def _finding(contract: Contract, position: int | None, number: str, message: str, todo: str) -> Finding:
    return Finding(_line(contract, position), f"CONTRACT-{number}", message, todo)


def _line(contract: Contract, position: int | None) -> int:
    place: NodePath = ("customProperties",)
    for index, entry in enumerate(list_of(contract.document.data.get("customProperties"))):
        if mapping_of(entry).get("property") == WAIVERS:
            place = ("customProperties", index, "value") + (() if position is None else (position,))
    return contract.document.line(place)
