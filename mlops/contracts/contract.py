"""A contract as frozen values, and the one way to load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.contracts.errors import first_error
from mlops.contracts.loading import file_findings
from mlops.contracts.nodes import OPERATORS, custom_properties, list_of, mapping_of
from mlops.contracts.profile import (
    LEGAL_BASIS,
    MAX_QUARANTINE,
    PROHIBITED,
    PURPOSES,
    RESIDENCY,
    check_document,
    enumerate_sla,
)
from mlops.yaml_source import Document, NodePath, parse_document


@dataclass(frozen=True)
class Operator:
    """An ODCS comparison: ``name`` is the ODCS key, ``bounds`` one number, or two for the ``Between`` operators."""

    name: str
    bounds: tuple[float, ...]

    def holds(self, value: float) -> bool:
        """Whether ``value`` satisfies the comparison; both ends belong to a ``Between``. NaN satisfies none."""
        if value != value:
            return False
        low, high = self.bounds[0], self.bounds[-1]
        return {
            "mustBe": value == low,
            "mustNotBe": value != low,
            "mustBeGreaterThan": value > low,
            "mustBeGreaterOrEqualTo": value >= low,
            "mustBeLessThan": value < low,
            "mustBeLessOrEqualTo": value <= low,
            "mustBeBetween": low <= value <= high,
            "mustNotBeBetween": not low <= value <= high,
        }[self.name]

    def none_allowed(self, unit: str) -> bool:
        """Whether, of all possible counts (or percentages), only 0 satisfies it: then each offending row breaks it."""
        if self.name == "mustBeLessThan":
            return unit == "rows" and 0 < self.bounds[0] <= 1
        return self.name in ("mustBe", "mustBeLessOrEqualTo") and self.bounds == (0,)

    def __str__(self) -> str:
        return f"{self.name} {' and '.join(map(repr, self.bounds))}"


@dataclass(frozen=True)
class QualityRule:
    """One entry of a ``quality`` list.

    Attributes:
        kind: ``library``, ``sql``, ``custom`` or ``text``.
        severity: as written; ``error`` where the contract gives none.
        unit: ``rows`` or ``percent``, as written.
        entry: the whole entry, for the options of its kind.
        line: line in the file.
    """

    id: str
    kind: str
    severity: str
    unit: str
    operator: Operator | None
    entry: Mapping[str, Any]
    custom: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class Property:
    """A column. ``column`` is its name in the data (``physicalName``, else ``name``)."""

    name: str
    column: str
    logical_type: str
    required: bool
    unique: bool
    primary_key: bool
    options: Mapping[str, Any]
    allowed: tuple[Any, ...] | None
    quality: tuple[QualityRule, ...]
    entry: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class SchemaObject:
    """A table: its columns and the rules on the whole of it."""

    name: str
    properties: tuple[Property, ...]
    quality: tuple[QualityRule, ...]
    entry: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class Policy:
    """What the data may be used for, by whom and where. ``roles`` leaves out those with ``access: none``."""

    permitted_purposes: tuple[str, ...]
    prohibited_purposes: tuple[str, ...]
    legal_basis: str
    residency: tuple[str, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True)
class HumanItem:
    """A clause that no engine of this platform evaluates: a person answers for it."""

    id: str
    text: str


@dataclass(frozen=True)
class Contract:
    """A valid contract file.

    Attributes:
        digest: ``sha256:<64 hex>`` of the file's bytes.
        status: ODCS life cycle, for example ``active``.
        agreements: the service-level properties, which a person answers for.
        max_quarantine_share: share of records, 0 up to but not 1, that may be set aside before a check blocks.
        document: the file as plain data with its lines, for whoever needs more than the fields above.
    """

    id: str
    name: str
    version: str
    status: str
    digest: str
    path: Path
    objects: tuple[SchemaObject, ...]
    policy: Policy
    agreements: tuple[HumanItem, ...]
    max_quarantine_share: float
    document: Document = field(repr=False, compare=False)


def load_contract(path: Path) -> Contract:
    """Read and validate an ODCS v3.1 or v3.2 file.

    Raises:
        ContractError: CONTRACT-001 to 009, with file and line of the first finding and the number of the others.
    """
    document = parse_document(Path(path))
    if findings := file_findings(document) or check_document(document):
        raise first_error(document.path, findings)
    return build_contract(document)


def build_contract(document: Document) -> Contract:
    data = document.data
    custom = custom_properties(data)
    roles = [mapping_of(entry) for entry in list_of(data.get("roles"))]
    policy = Policy(
        permitted_purposes=tuple(custom[PURPOSES]),
        prohibited_purposes=tuple(custom.get(PROHIBITED, ())),
        legal_basis=custom[LEGAL_BASIS],
        residency=tuple(custom[RESIDENCY]),
        roles=tuple(str(entry.get("role")) for entry in roles if str(entry.get("access", "")).lower() != "none"),
    )
    return Contract(
        id=data["id"],
        name=data["name"],
        version=data["version"],
        status=data["status"],
        digest=document.digest,
        path=document.path,
        objects=tuple(_object(document, position, node) for position, node in enumerate(data["schema"])),
        policy=policy,
        agreements=tuple(_agreement(entry) for _, entry in enumerate_sla(document)),
        max_quarantine_share=float(custom.get(MAX_QUARANTINE, 0.0)),
        document=document,
    )  # fmt: skip


def _agreement(entry: Mapping[str, Any]) -> HumanItem:
    words = (entry.get("property"), entry.get("value"), entry.get("unit"), entry.get("element"))
    return HumanItem(f"sla.{entry['id']}", " ".join(str(word) for word in words if word is not None))


def _object(document: Document, position: int, node: Mapping[str, Any]) -> SchemaObject:
    path: NodePath = ("schema", position)
    columns = enumerate(list_of(node.get("properties")))
    return SchemaObject(
        name=node["name"],
        properties=tuple(_property(document, (*path, "properties", index), column) for index, column in columns),
        quality=_quality(document, path, node),
        entry=node,
        line=document.line(path),
    )


def _property(document: Document, path: NodePath, node: Mapping[str, Any]) -> Property:
    allowed = node.get("enum")
    return Property(
        name=node["name"],
        column=node.get("physicalName", node["name"]),
        logical_type=node["logicalType"],
        required=bool(node.get("required", False)),
        unique=bool(node.get("unique", False)),
        primary_key=bool(node.get("primaryKey", False)),
        options=mapping_of(node.get("logicalTypeOptions")),
        allowed=None if allowed is None else tuple(mapping_of(value).get("value") for value in allowed),
        quality=_quality(document, path, node),
        entry=node,
        line=document.line(path),
    )


def _operator(entry: Mapping[str, Any]) -> Operator | None:
    for name in OPERATORS:
        if name in entry:
            bounds = entry[name]
            return Operator(name, tuple(bounds) if isinstance(bounds, list) else (bounds,))
    return None


def _quality(document: Document, path: NodePath, node: Mapping[str, Any]) -> tuple[QualityRule, ...]:
    rules = []
    for position, entry in enumerate(list_of(node.get("quality"))):
        rules.append(
            QualityRule(
                id=entry["id"],
                kind=entry.get("type", "library"),
                severity=entry.get("severity", "error"),
                unit=entry.get("unit", "rows"),
                operator=_operator(entry),
                entry=entry,
                custom=custom_properties(entry),
                line=document.line((*path, "quality", position)),
            )
        )
    return tuple(rules)
