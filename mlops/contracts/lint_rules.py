"""The project's profile beyond what makes a file a contract: one small function per rule, in the order of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mlops.contracts import lint_levels, lint_quality
from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import CLASSES, DATA_PROTECTION, DELETION, MASKING
from mlops.contracts.lint_rule import LintRule, Place, lint_rule
from mlops.contracts.nodes import custom_properties, list_of, mapping_of, walk
from mlops.contracts.policy import same_purpose
from mlops.contracts.profile import (
    LEGAL_BASIS,
    MAX_QUARANTINE,
    PROHIBITED,
    PURPOSES,
    RESIDENCY,
)
from mlops.contracts.quality import OFFENDING_RECORDS
from mlops.contracts.waivers import WAIVERS
from mlops.yaml_source import NodePath

MASKINGS = ("required", "applied", "none")
"""``required``: to be masked before any other use; ``applied``: is masked; ``none``: is not, and need not be."""
REGULATIONS = ("GDPR", "CCPA", "HIPAA")
REGULATED_BY = "mlops.regulations"
SUBJECTS = "mlops.dataSubjects"
AUDIT_AXES = "mlops.auditAxes"
TRANSFER = "mlops.transferMechanism"
PACK_KEYS = ("mlops.specialCategoryBasis", TRANSFER, "mlops.optOut", "mlops.deidentification")
"""Keys that only the rule packs read."""

_OF_THE_CONTRACT = (
    PURPOSES,
    PROHIBITED,
    LEGAL_BASIS,
    RESIDENCY,
    REGULATED_BY,
    SUBJECTS,
    AUDIT_AXES,
    DELETION,
    MAX_QUARANTINE,
    WAIVERS,
    DATA_PROTECTION,
    *PACK_KEYS,
)


def _properties(contract: Contract) -> Iterator[tuple[NodePath, Mapping[str, Any]]]:
    """Every column with its path."""
    for number, table in enumerate(contract.objects):
        for position, column in enumerate(table.properties):
            yield ("schema", number, "properties", position), column.entry


def _at_root(contract: Contract, key: str) -> NodePath:
    """Path of a custom property of the contract."""
    for position, entry in enumerate(list_of(contract.document.data.get("customProperties"))):
        if mapping_of(entry).get("property") == key:
            return ("customProperties", position)
    return ("customProperties",)


def _root(contract: Contract) -> dict[str, Any]:
    return custom_properties(contract.document.data)


def _known_keys(path: NodePath) -> tuple[str, ...]:
    """Custom properties that something here reads at this place."""
    if not path:
        return _OF_THE_CONTRACT
    if path[-2:-1] == ("properties",):
        return (MASKING,)
    return (OFFENDING_RECORDS,) if path[-2:-1] == ("quality",) else ()


def _instead(key: str, known: tuple[str, ...]) -> str:
    """What to do about an unknown key."""
    if near := get_close_matches(key, known, 1, 0.8):
        return f"write {near[0]}, or remove it"
    return f"use one of {', '.join(known)}" if known else "remove it"


@lint_rule(
    "CONTRACT-050", "error", "Custom properties that begin with `mlops.` are ones that are read where they stand."
)
def unknown_keys(contract: Contract) -> Iterator[Place]:
    for path, node in walk(contract.document.data):
        if isinstance(node, Mapping) and "customProperties" in node:
            known = _known_keys(path)
            for position, entry in enumerate(list_of(node["customProperties"])):
                key = mapping_of(entry).get("property")
                if isinstance(key, str) and key.casefold().startswith("mlops.") and key not in known:
                    todo = _instead(key, known)
                    yield (*path, "customProperties", position), f"nothing reads the custom property {key} here", todo


@lint_rule("CONTRACT-051", "error", f"Every column is classified: {', '.join(CLASSES)}.")
def classification(contract: Contract) -> Iterator[Place]:
    for path, entry in _properties(contract):
        if entry.get("classification") not in CLASSES:
            found = "none" if "classification" not in entry else "another word"
            message = f"column {entry['name']}: expected a classification, found {found}"
            yield path, message, f"use one of {', '.join(CLASSES)}"


@lint_rule("CONTRACT-052", "error", f"`{MASKING}` of a column is one of {', '.join(MASKINGS)}.")
def masking(contract: Contract) -> Iterator[Place]:
    for path, entry in _properties(contract):
        given = custom_properties(entry)
        if MASKING in given and given[MASKING] not in MASKINGS:
            message = f"column {entry['name']}: expected {MASKING} to be one of {', '.join(MASKINGS)}"
            yield path, message, f"write {' or '.join(MASKINGS[:2])}, or remove it"


@lint_rule("CONTRACT-055", "error", f"`{REGULATED_BY}` names regulations that have a pack: {', '.join(REGULATIONS)}.")
def regulations(contract: Contract) -> Iterator[Place]:
    given = _root(contract).get(REGULATED_BY, [])
    if not isinstance(given, list) or any(each not in REGULATIONS for each in given):
        message = f"expected {REGULATED_BY}, a list of {', '.join(REGULATIONS)}"
        yield _at_root(contract, REGULATED_BY), message, "correct the list; other regulations are for a text rule"


@lint_rule("CONTRACT-056", "error", "Words and lists of words are that, and audit axes are declared columns.")
def words(contract: Contract) -> Iterator[Place]:
    given = _root(contract)
    for key in (SUBJECTS, AUDIT_AXES):
        value = given.get(key, [])
        if not isinstance(value, list) or not all(map(_is_word, value)):
            yield _at_root(contract, key), f"expected {key}, a list of words", "write for example [customers]"
    for key in (DATA_PROTECTION, *PACK_KEYS):
        if key in given and not _is_word(given[key]) and not (key == TRANSFER and isinstance(given[key], Mapping)):
            yield _at_root(contract, key), f"expected {key}, a word", "write a word"
    names = {column.name for table in contract.objects for column in table.properties}
    if any(_is_word(each) and each not in names for each in list_of(given.get(AUDIT_AXES))):
        message = f"{AUDIT_AXES} names a column that is not declared"
        yield _at_root(contract, AUDIT_AXES), message, "name declared columns"


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


@lint_rule("CONTRACT-057", "error", "Some role names who approves, else nobody could approve the contract.")
def approvers(contract: Contract) -> Iterator[Place]:
    if not any(_approves(role) for role in _roles(contract)):
        yield ("roles",), "no role names an approver", "give a role firstLevelApprovers and secondLevelApprovers"


def _roles(contract: Contract) -> list[Mapping[str, Any]]:
    return [mapping_of(role) for role in list_of(contract.document.data.get("roles"))]


def _approves(role: Mapping[str, Any]) -> bool:
    return any(_is_word(role.get(level)) for level in ("firstLevelApprovers", "secondLevelApprovers"))


@lint_rule(
    "CONTRACT-058", "error", f"`{DELETION}` is {{keyField: a declared column, maxDays: a whole number above 0}}."
)
def deletion(contract: Contract) -> Iterator[Place]:
    given = _root(contract)
    if DELETION not in given:
        return
    value, path = mapping_of(given[DELETION]), _at_root(contract, DELETION)
    columns = [column.name for table in contract.objects for column in table.properties]
    days = value.get("maxDays")
    if set(value) != {"keyField", "maxDays"} or value.get("keyField") not in columns:
        yield path, f"expected {DELETION} with keyField, a declared column, and maxDays", "write both and nothing else"
    elif isinstance(days, bool) or not isinstance(days, int) or days < 1:
        yield path, f"expected maxDays of {DELETION} to be a whole number above 0", "write for example maxDays: 30"


@lint_rule("CONTRACT-069", "warning", "Every role names who grants it.")
def every_role(contract: Contract) -> Iterator[Place]:
    for position, role in enumerate(_roles(contract)):
        if not _approves(role):
            message = f"the role {role.get('role')} names nobody who grants it"
            yield ("roles", position), message, "give it firstLevelApprovers"


@lint_rule("CONTRACT-070", "error", "No purpose is both permitted and prohibited, however it is written.")
def purposes(contract: Contract) -> Iterator[Place]:
    permitted = {same_purpose(each) for each in contract.policy.permitted_purposes}
    for purpose in contract.policy.prohibited_purposes:
        if same_purpose(purpose) in permitted:
            message = f"the purpose {purpose} is permitted and prohibited"
            yield _at_root(contract, PROHIBITED), message, "remove it from one of the two lists"


LINT_RULES: tuple[LintRule[Contract], ...] = (
    unknown_keys,
    classification,
    masking,
    lint_levels.retention,
    lint_levels.some_retention,
    regulations,
    words,
    approvers,
    deletion,
    lint_quality.described,
    lint_quality.newer_keys,
    lint_levels.known_levels,
    lint_quality.clock,
    every_role,
    purposes,
)
"""In the order of their codes; 062 to 067 are found by ``lint``, ``compile`` and ``waivers``."""
