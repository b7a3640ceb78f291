"""What a contract file must satisfy before it is a contract: the ODCS JSON Schema, then the project's profile.

Every rule is a small function that tolerates any shape, so that one look at a file shows everything that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.errors import Finding
from mlops.contracts.lint_rule import LintRule, Place, lint_rule
from mlops.contracts.nodes import OPERATORS, custom_properties, is_number, list_of, mapping_of, spell, walk
from mlops.contracts.standard import refused
from mlops.yaml_source import Document, NodePath

VERSIONS = ("v3.1.0", "v3.2.0")
PURPOSES = "mlops.permittedPurposes"
LEGAL_BASIS = "mlops.legalBasis"
RESIDENCY = "mlops.residency"
PROHIBITED = "mlops.prohibitedPurposes"
MAX_QUARANTINE = "mlops.maxQuarantineShare"

_VERSION = r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){2}"
_IDENTITIES = ("id", "name", "property", "role", "username", "server")


@lint_rule("CONTRACT-005", "error", "The file is one that the JSON Schema of the Open Data Contract Standard accepts.")
def standard(document: Document) -> Iterator[Place]:
    yield from refused(document)


@lint_rule(
    "CONTRACT-006",
    "error",
    "A contract has a version of the standard that is read here, a name, a status, a version MAJOR.MINOR.PATCH, typed "
    f"properties, and `{PURPOSES}`, `{RESIDENCY}` and `{LEGAL_BASIS}`.",
)
def required(document: Document) -> Iterator[Place]:
    yield from _identity(document)
    yield from _logical_types(document)
    yield from _policy(document)


def _identity(document: Document) -> Iterator[Place]:
    data = document.data
    if data.get("apiVersion") not in VERSIONS:
        yield ("apiVersion",), f"expected apiVersion {' or '.join(VERSIONS)}", f"set apiVersion: {VERSIONS[0]}"
    version = data.get("version")
    if not isinstance(version, str) or not re.fullmatch(_VERSION, version):
        message = "expected a semantic version MAJOR.MINOR.PATCH, numbers of at most 9 digits"
        yield ("version",), message, "set version: 1.0.0"
    for key in ("name", "status"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            yield (key,), f"expected {key}", f"add {key}"
    name = data.get("name")
    if isinstance(name, str) and name.strip() and not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", name):
        message = "expected a name of small letters, digits, dots, hyphens and underscores, at most 80"
        yield ("name",), message, "files are named after it: write for example support-conversations"
    if not list_of(data.get("schema")):
        yield ("schema",), "expected at least one schema object", "declare the objects under schema"


def _logical_types(document: Document) -> Iterator[Place]:
    for path, node in walk(document.data.get("schema"), ("schema",)):
        if path[-2:-1] == ("properties",) and isinstance(node, Mapping) and "logicalType" not in node:
            yield path, f"property {node.get('name', '')}: expected a logicalType", "give one, for example string"


def _policy(document: Document) -> Iterator[Place]:
    declared = custom_properties(document.data)
    place: NodePath = ("customProperties",)
    for key in (PURPOSES, RESIDENCY, PROHIBITED):
        value = declared.get(key, [] if key == PROHIBITED else None)
        words = list_of(value)
        if (not words and value != []) or not all(isinstance(word, str) and word.strip() for word in words):
            yield place, f"expected the custom property {key}, a list of words", f"declare {key}"
    if declared.get(PURPOSES) == [] or declared.get(RESIDENCY) == []:
        yield place, f"expected at least one entry in {PURPOSES} and {RESIDENCY}", "name what is permitted"
    basis = declared.get(LEGAL_BASIS)
    if not isinstance(basis, str) or not basis.strip():
        message = f"expected the custom property {LEGAL_BASIS}, for example gdpr-6-1-f"
        yield place, message, f"declare {LEGAL_BASIS}"
    share = declared.get(MAX_QUARANTINE, 0.0)
    if not is_number(share) or not 0 <= share < 1:
        message = f"expected {MAX_QUARANTINE} from 0 to below 1"
        yield place, message, "give the share of records that may be set aside"


def quality_rules(document: Document) -> Iterator[tuple[NodePath, Mapping[str, Any]]]:
    """Every entry of every ``quality`` list under ``schema``, wherever it is nested."""
    for path, node in walk(document.data.get("schema"), ("schema",)):
        if isinstance(node, list) and path[-1] == "quality":
            for position, entry in enumerate(node):
                if isinstance(entry, Mapping):
                    yield (*path, position), entry


@lint_rule(
    "CONTRACT-007", "error", "No id, name or key stands twice in one list, and every rule and agreement has an id."
)
def identities(document: Document) -> Iterator[Place]:
    for path, node in walk(document.data):
        if isinstance(node, list):
            yield from _duplicates(path, [mapping_of(entry) for entry in node])
    for path, entry in quality_rules(document):
        if not isinstance(entry.get("id"), str):
            yield path, "a rule has no id", "give it an id"
    for path, entry in enumerate_sla(document):
        if not isinstance(entry.get("id"), str):
            yield path, "an SLA property has no id", "give it an id"


def enumerate_sla(document: Document) -> Iterator[tuple[NodePath, Mapping[str, Any]]]:
    """Every entry of ``slaProperties``."""
    for position, entry in enumerate(list_of(document.data.get("slaProperties"))):
        yield ("slaProperties", position), mapping_of(entry)


def _duplicates(path: NodePath, entries: Sequence[Mapping[str, Any]]) -> Iterator[Place]:
    for key in _IDENTITIES:
        if key == "property" and path[-1:] == ("slaProperties",):
            continue  # two retention clauses are two clauses: they are told apart by id
        seen: set[str] = set()
        for position, entry in enumerate(entries):
            value = entry.get(key)
            if not isinstance(value, str):
                continue
            if value in seen:
                message = f"{key} {value!r} is used twice in {spell(path)}"
                yield (*path, position, key), message, "rename or remove one of them"
            seen.add(value)


def _needs_operator(entry: Mapping[str, Any]) -> bool:
    return entry.get("type", "library") in ("library", "sql")


@lint_rule("CONTRACT-008", "error", "A rule that measures something has exactly one operator, with numbers.")
def operators(document: Document) -> Iterator[Place]:
    for path, entry in quality_rules(document):
        present = [name for name in OPERATORS if name in entry]
        if not present and not _needs_operator(entry):
            continue
        place = (*path, present[0]) if present else path
        name = entry.get("id", "a rule")
        if len(present) != 1:
            message = f"rule {name}: expected exactly one operator, found {len(present)}"
            yield place, message, f"keep one of {', '.join(OPERATORS)}"
        elif not _numeric(present[0], entry[present[0]]):
            message = f"rule {name}: expected numbers in {present[0]} (ascending where there are two)"
            yield place, message, "write a number, for example mustBe: 0"


def _numeric(operator: str, value: Any) -> bool:
    if operator.endswith("Between"):
        return isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] < value[1]
    return is_number(value)


def pattern_problem(pattern: str) -> str | None:
    """Why ``pattern`` is not an RE2 pattern, or None. Asked of Arrow's RE2, the engine that will run it."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except (pa.ArrowInvalid, UnicodeError) as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None


@lint_rule("CONTRACT-009", "error", "Every pattern is an RE2 pattern: no look-around, no back-references.")
def patterns(document: Document) -> Iterator[Place]:
    """``pattern`` of properties and of rule arguments; patterns inside an implementation are read when compiled."""
    for path, node in walk(document.data.get("schema"), ("schema",)):
        if path[-1] not in ("logicalTypeOptions", "arguments") or not isinstance(node, Mapping):
            continue
        pattern = node.get("pattern")
        problem = pattern_problem(pattern) if isinstance(pattern, str) else None
        if problem:
            todo = "write it without look-around and back-references"
            yield (*path, "pattern"), f"not an RE2 pattern: {problem}", todo


PROFILE_RULES: tuple[LintRule[Document], ...] = (standard, required, identities, operators, patterns)
"""What a file must satisfy to be read as a contract at all."""


def check_document(document: Document) -> list[Finding]:
    """All findings of a readable document: JSON Schema (005), profile (006 to 009)."""
    return sorted({found for rule in PROFILE_RULES for found in rule.findings(document, document)})
