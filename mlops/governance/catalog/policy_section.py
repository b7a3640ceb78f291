"""What a contract allows, promises and asks of people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

from mlops.contracts.contract import Contract
from mlops.contracts.nodes import custom_properties, list_of, mapping_of
from mlops.contracts.profile import LEGAL_BASIS, MAX_QUARANTINE, PROHIBITED, PURPOSES, RESIDENCY
from mlops.contracts.waivers import WAIVERS
from mlops.governance.page import facts, table

_NAMES = {
    PURPOSES: "Permitted purposes",
    PROHIBITED: "Prohibited purposes",
    LEGAL_BASIS: "Legal basis",
    RESIDENCY: "Residency",
    "mlops.regulations": "Regulations",
    "mlops.dataSubjects": "Data subjects",
    "mlops.masking": "Masking",
    "mlops.deletion": "Deletion",
    MAX_QUARANTINE: "Tolerance",
}
_UNITS = {"y": "year", "yr": "year", "m": "month", "mo": "month", "w": "week", "d": "day", "h": "hour", "min": "minute"}


def policy_section(contract: Contract) -> str:
    """Purposes, legal basis, residency, retention, deletion and every other custom property, as HTML."""
    declared = custom_properties(contract.document.data)
    entries = [(name, _policy(key, declared[key])) for key, name in _NAMES.items() if key in declared]
    entries += [("Retention", escape(words)) for words in retention_in_words(contract)]
    others = sorted(set(declared) - set(_NAMES) - {WAIVERS})
    return facts([*entries, *((key, escape(plain(declared[key]))) for key in others)])


def _policy(key: str, value: Any) -> str:
    if key == MAX_QUARANTINE:
        return f"up to {100 * float(value):.12g}% of the records may be set aside; beyond that the data is blocked"
    if key == "mlops.deletion":
        asked = mapping_of(value)
        return escape(f"on request within {plain(asked.get('maxDays'))} days, found by {plain(asked.get('keyField'))}")
    return escape(plain(value))


def plain(value: Any) -> str:
    """A value of the contract as text: lists with commas, ``none`` where there is nothing."""
    if value in (None, "", []):
        return "none"
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def retention_in_words(contract: Contract) -> list[str]:
    """The retention clauses."""
    return [
        words for entry, words in agreements_in_words(contract) if str(entry.get("property")).lower() == "retention"
    ]


def agreements_in_words(contract: Contract) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each service-level property with a sentence about it."""
    for entry in map(mapping_of, list_of(contract.document.data.get("slaProperties"))):
        amount = _amount(entry.get("value"), str(entry.get("unit") or ""))
        name = str(entry.get("property"))
        since = f", counted from {entry['element']}" if entry.get("element") else ""
        driver = f" ({entry['driver']})" if entry.get("driver") else ""
        known = {
            "retention": f"kept for at most {amount}{since}",
            "freshness": f"no older than {amount}{since}",
            "latency": f"there within {amount}{since}",
        }
        words = known.get(name.lower(), f"{name} {amount}{' of ' + str(entry['element']) if since else ''}")
        yield entry, words + driver


def _amount(value: Any, unit: str) -> str:
    name = _UNITS.get(unit.lower().removesuffix("s"), unit)
    plural = "s" if name != unit and value != 1 else ""
    return f"{plain(value)} {name}{plural}".strip()


def promises_section(contract: Contract) -> str:
    """Service levels other than retention; ``""`` where there are none."""
    others = [
        (str(entry.get("id")), escape(words))
        for entry, words in agreements_in_words(contract)
        if str(entry.get("property")).lower() != "retention"
    ]
    return facts(others) if others else ""


def people_section(contract: Contract) -> str:
    """Who owns the contract, who may read the data and who lets them, as HTML."""
    data = contract.document.data
    team = mapping_of(data.get("team"))
    members = [mapping_of(member) for member in list_of(team.get("members") or data.get("team"))]
    owner = facts([("Team", escape(str(team["name"])))]) if team.get("name") else ""
    rows = [[escape(str(member.get(key) or "")) for key in ("username", "role")] for member in members]
    people = table(["Member", "Role"], rows) if rows else ""
    roles = [mapping_of(role) for role in list_of(data.get("roles"))]
    keys = ("role", "access", "firstLevelApprovers", "secondLevelApprovers")
    granted = [[escape(str(role.get(key) or "")) for key in keys] for role in roles]
    access = table(["Role", "Access", "Approved by", "And by"], granted) if granted else "<p>No role has access.</p>"
    return owner + people + "<h3>Access</h3>" + access + _references(data)


def _references(data: Mapping[str, Any]) -> str:
    """Links that a person may follow; nothing of them is loaded with the page."""
    found = [mapping_of(entry) for entry in list_of(data.get("authoritativeDefinitions"))]
    rows = [(str(entry.get("type")), _link(str(entry.get("url")))) for entry in found]
    return "<h3>Elsewhere</h3>" + facts(rows) if rows else ""


def _link(address: str) -> str:
    """A link, for addresses of the web only; what else the contract says stays text."""
    try:
        known = urlsplit(address).scheme in ("http", "https")
    except ValueError:
        known = False
    shown = escape(address)
    return f'<a href="{shown}" rel="noreferrer noopener">{shown}</a>' if known else shown
