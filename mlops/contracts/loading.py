"""What is wrong with a contract file before anybody reads it as a contract, with this room's codes."""

from __future__ import annotations

from mlops.contracts.errors import Finding
from mlops.yaml_source import Document, Fault

CODES = {
    Fault.UNREADABLE: "CONTRACT-001",
    Fault.NOT_YAML: "CONTRACT-002",
    Fault.DUPLICATE_KEY: "CONTRACT-003",
    Fault.ALIASES: "CONTRACT-004",
}


def file_findings(document: Document) -> list[Finding]:
    """The document's own findings (CONTRACT-001 to 004); where there are any, its data must not be used."""
    return [Finding(one.line, CODES[one.fault], one.message, one.todo) for one in document.findings]
