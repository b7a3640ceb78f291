"""What a contract file must satisfy before it is a contract: the ODCS JSON Schema, then the project's profile.

Every check returns findings and tolerates any shape, so that one look at a file shows everything that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.errors import Finding
from mlops.contracts.nodes import OPERATORS, custom_properties, is_number, list_of, mapping_of, spell, walk
from mlops.contracts.standard import schema_findings
from mlops.yaml_source import Document, NodePath

VERSIONS = ("v3.1.0", "v3.2.0")
PURPOSES = "mlops.permittedPurposes"
LEGAL_BASIS = "mlops.legalBasis"
RESIDENCY = "mlops.residency"
PROHIBITED = "mlops.prohibitedPurposes"
MAX_QUARANTINE = "mlops.maxQuarantineShare"

_IDENTITIES = ("id", "name", "property", "role", "username", "server")


def check_document(document: Document) -> list[Finding]:
    """All findings of a readable document: JSON Schema (005), profile (006 to 009)."""
    findings = schema_findings(document)
    for check in (_identity, _logical_types, _policy, _unique_identities, _operators, _patterns):
        findings += check(document)
    return sorted(set(findings))


def _identity(document: Document) -> list[Finding]:
    data = document.data
    findings = []
    if data.get("apiVersion") not in VERSIONS:
        message, todo = f"expected apiVersion {' or '.join(VERSIONS)}", f"set apiVersion: {VERSIONS[0]}"
        findings.append(Finding(document.line(("apiVersion",)), "CONTRACT-006", message, todo))
    version = data.get("version")
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+\.\d+", version):
        message, todo = "expected a semantic version MAJOR.MINOR.PATCH", "set version: 1.0.0"
        findings.append(Finding(document.line(("version",)), "CONTRACT-006", message, todo))
    for key in ("name", "status"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            findings.append(Finding(document.line((key,)), "CONTRACT-006", f"expected {key}", f"add {key}"))
    if not list_of(data.get("schema")):
        message, todo = "expected at least one schema object", "declare the objects under schema"
        findings.append(Finding(document.line(("schema",)), "CONTRACT-006", message, todo))
    return findings


def _logical_types(document: Document) -> list[Finding]:
    findings = []
    for path, node in walk(document.data.get("schema"), ("schema",)):
        if path[-2:-1] == ("properties",) and isinstance(node, Mapping) and "logicalType" not in node:
            message = f"property {node.get('name', '')}: expected a logicalType"
            findings.append(Finding(document.line(path), "CONTRACT-006", message, "give one, for example string"))
    return findings


def _policy(document: Document) -> list[Finding]:
    declared = custom_properties(document.data)
    line = document.line(("customProperties",))
    findings = []
    for key in (PURPOSES, RESIDENCY, PROHIBITED):
        value = declared.get(key, [] if key == PROHIBITED else None)
        words = list_of(value)
        if (not words and value != []) or not all(isinstance(word, str) and word.strip() for word in words):
            message = f"expected the custom property {key}, a list of words"
            findings.append(Finding(line, "CONTRACT-006", message, f"declare {key}"))
    if declared.get(PURPOSES) == [] or declared.get(RESIDENCY) == []:
        message = f"expected at least one entry in {PURPOSES} and {RESIDENCY}"
        findings.append(Finding(line, "CONTRACT-006", message, "name what is permitted"))
    basis = declared.get(LEGAL_BASIS)
    if not isinstance(basis, str) or not basis.strip():
        message = f"expected the custom property {LEGAL_BASIS}, for example gdpr-6-1-f"
        findings.append(Finding(line, "CONTRACT-006", message, f"declare {LEGAL_BASIS}"))
    share = declared.get(MAX_QUARANTINE, 0.0)
    if not is_number(share) or not 0 <= share < 1:
        message = f"expected {MAX_QUARANTINE} from 0 to below 1"
        findings.append(Finding(line, "CONTRACT-006", message, "give the share of records that may be set aside"))
    return findings


def quality_rules(document: Document) -> Iterator[tuple[NodePath, Mapping[str, Any]]]:
    """Every entry of every ``quality`` list under ``schema``, wherever it is nested."""
    for path, node in walk(document.data.get("schema"), ("schema",)):
        if isinstance(node, list) and path[-1] == "quality":
            for position, entry in enumerate(node):
                if isinstance(entry, Mapping):
                    yield (*path, position), entry


def _unique_identities(document: Document) -> list[Finding]:
    findings = []
    for path, node in walk(document.data):
        if isinstance(node, list):
            findings += _duplicates(document, path, [mapping_of(entry) for entry in node])
    for path, entry in quality_rules(document):
        if not isinstance(entry.get("id"), str):
            findings.append(Finding(document.line(path), "CONTRACT-007", "a rule has no id", "give it an id"))
    for path, entry in enumerate_sla(document):
        if not isinstance(entry.get("id"), str):
            findings.append(Finding(document.line(path), "CONTRACT-007", "an SLA property has no id", "give it an id"))
    return findings


def enumerate_sla(document: Document) -> Iterator[tuple[NodePath, Mapping[str, Any]]]:
    """Every entry of ``slaProperties``."""
    for position, entry in enumerate(list_of(document.data.get("slaProperties"))):
        yield ("slaProperties", position), mapping_of(entry)


def _duplicates(document: Document, path: NodePath, entries: Sequence[Mapping[str, Any]]) -> list[Finding]:
    findings = []
    for key in _IDENTITIES:
        if key == "property" and path[-1:] == ("slaProperties",):
            continue  # two retention clauses are two clauses: they are told apart by id
        seen: set[str] = set()
        for position, entry in enumerate(entries):
            value = entry.get(key)
            if not isinstance(value, str):
                continue
            if value in seen:
                line = document.line((*path, position, key))
                message = f"{key} {value!r} is used twice in {spell(path)}"
                findings.append(Finding(line, "CONTRACT-007", message, "rename or remove one of them"))
            seen.add(value)
    return findings


def _needs_operator(entry: Mapping[str, Any]) -> bool:
    return entry.get("type", "library") in ("library", "sql")


def _operators(document: Document) -> list[Finding]:
    findings = []
    for path, entry in quality_rules(document):
        present = [name for name in OPERATORS if name in entry]
        if not present and not _needs_operator(entry):
            continue
        line = document.line((*path, present[0]) if present else path)
        name = entry.get("id", "a rule")
        if len(present) != 1:
            message = f"rule {name}: expected exactly one operator, found {len(present)}"
            findings.append(Finding(line, "CONTRACT-008", message, f"keep one of {', '.join(OPERATORS)}"))
        elif not _numeric(present[0], entry[present[0]]):
            message = f"rule {name}: expected numbers in {present[0]} (ascending where there are two)"
            findings.append(Finding(line, "CONTRACT-008", message, "write a number, for example mustBe: 0"))
    return findings


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


def _patterns(document: Document) -> list[Finding]:
    """``pattern`` of properties and of rule arguments; patterns inside an implementation are read when compiled."""
    findings = []
    for path, node in walk(document.data.get("schema"), ("schema",)):
        if path[-1] not in ("logicalTypeOptions", "arguments") or not isinstance(node, Mapping):
            continue
        pattern = node.get("pattern")
        problem = pattern_problem(pattern) if isinstance(pattern, str) else None
        if problem:
            line = document.line((*path, "pattern"))
            todo = "write it without look-around and back-references"
            findings.append(Finding(line, "CONTRACT-009", f"not an RE2 pattern: {problem}", todo))
    return findings
