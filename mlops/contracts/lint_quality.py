"""What lint asks of the schema and its rules, beyond what compiling them asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlops.contracts.contract import Contract
from mlops.contracts.lint_rule import Place, lint_rule
from mlops.contracts.nodes import custom_properties, spell, walk
from mlops.contracts.profile import quality_rules
from mlops.contracts.quality import OFFENDING_RECORDS
from mlops.yaml_source import NodePath

_CLOCK = re.compile(
    r"\b(?:now|today|random|setseed|uuid|uuidv[47]|gen_random_uuid|get_current_time(?:stamp)?|transaction_timestamp)"
    r"\s*\(|\b(?:current_(?:date|time|timestamp)|localtime(?:stamp)?)\b|\bUSING\s+SAMPLE\b|\bTABLESAMPLE\b",
    re.IGNORECASE,
)

_NEWER_TYPES = ("map", "vector")
_NEWER = {
    "contract": ("context",),
    "schema": ("context", "deprecated", "synonyms"),
    "properties": ("deprecated", "enum", "semanticType", "synonyms"),
    "items": ("deprecated", "enum", "semanticType", "synonyms"),
    "customProperties": ("vendor",),
    "slaProperties": ("authoritativeDefinitions", "customProperties"),
}
"""Keys that v3.2.0 of the standard has and v3.1.0 refuses, by the list or mapping that they stand in; those of servers
are left out, as nothing here reads servers."""


@lint_rule("CONTRACT-059", "warning", "Every quality rule says in words what it is for.")
def described(contract: Contract) -> Iterator[Place]:
    for path, entry in quality_rules(contract.document):
        text = entry.get("description")
        if not isinstance(text, str) or not text.strip():
            yield path, f"rule {entry['id']} has no description", "say in a sentence what it protects"


@lint_rule("CONTRACT-060", "error", "A file uses only what the version of the standard has that its apiVersion names.")
def newer_keys(contract: Contract) -> Iterator[Place]:
    """The library that brings the JSON Schema has one for all versions, that of v3.2.0, of which v3.1.0 is a subset."""
    if contract.document.data.get("apiVersion") != "v3.1.0":
        return
    for path, node in walk(contract.document.data):
        if not isinstance(node, Mapping):
            continue
        kind = _kind(path)
        found: list[NodePath] = [(*path, key) for key in _NEWER.get(kind, ()) if key in node]
        if kind in ("properties", "items") and node.get("logicalType") in _NEWER_TYPES:
            found.append((*path, "logicalType"))
        for place in found:
            yield place, f"{spell(place)} came with v3.2.0 of the standard", "set apiVersion: v3.2.0, or remove it"


def _kind(path: NodePath) -> str:
    """The key that a node stands under, positions in lists aside."""
    names = [step for step in path if isinstance(step, str)]
    return names[-1] if names else "contract"


@lint_rule(
    "CONTRACT-068", "warning", "No query asks for the time or for chance: a sealed result must not depend on them."
)
def clock(contract: Contract) -> Iterator[Place]:
    for path, entry in quality_rules(contract.document):
        for query in (entry.get("query"), custom_properties(entry).get(OFFENDING_RECORDS)):
            if isinstance(query, str) and (found := _CLOCK.search(query)):
                word = found[0].rstrip("( ").lower()
                message = f"rule {entry['id']} asks for {word}: the same data may pass today and fail tomorrow"
                yield path, message, "compare with a fixed value or another column"
                break
