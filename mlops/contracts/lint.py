"""Everything that is wrong with a contract file, in one look."""

from __future__ import annotations

from pathlib import Path

from mlops.contracts.compile import compile_findings
from mlops.contracts.contract import build_contract
from mlops.contracts.errors import Finding
from mlops.contracts.loading import file_findings
from mlops.contracts.profile import check_document
from mlops.yaml_source import parse_document


def lint(path: Path) -> list[Finding]:
    """All findings of one contract file in the order of its lines; empty for a contract that can be run.

    Layers: the file (CONTRACT-001 to 004); then standard and profile together (005 to 009); then compilation (010,
    011). A layer is read only where the ones before it found nothing, because it builds on them.
    """
    document = parse_document(path)
    findings = file_findings(document) or check_document(document)
    return sorted(findings or compile_findings(build_contract(document)))
