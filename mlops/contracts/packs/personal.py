"""Which columns and objects of a contract hold data about people, as it says itself.

Tags say it: ``pii`` or ``pii:KIND`` for personal data, ``phi`` or ``phi:KIND`` for health information. A tag on an
object or an outer property is a tag of every column in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import MASKING, is_personal
from mlops.contracts.nodes import custom_properties, list_of, mapping_of
from mlops.contracts.packs.declared import root
from mlops.contracts.profile import LEGAL_BASIS
from mlops.yaml_source import NodePath

SUBJECTS = "mlops.dataSubjects"
LICENCE = "licence-"

HEALTH = "health"
SPECIAL = frozenset(
    (
        "special", HEALTH, "genetic", "biometric", "race", "ethnicity", "politics", "religion", "belief", "union",
        "sex-life", "sexual-orientation",
    )
)  # fmt: skip
"""Kinds of personal data that GDPR Art. 9(1) sets apart; ``special`` is any of them."""

_NOT_MASKED = ("", "none", "off", "no", "false")


@dataclass(frozen=True)
class Column:
    """A property without properties of its own.

    Attributes:
        object: name of the object it belongs to.
        name: as in the contract; inner ones after a dot, the entries of an array as ``[]``.
        path: its place in the file.
        tags: its own and those of what it stands in, lower case.
        masked: ``mlops.masking`` asks for it, here or at an outer property.
        classification: its own or that of the outer property, lower case; empty where there is none.
        entry: the property as written.
    """

    object: str
    name: str
    path: NodePath
    tags: frozenset[str]
    masked: bool
    classification: str
    entry: Any

    @property
    def personal(self) -> bool:
        """Whether it is tagged as data about people."""
        return any(is_personal(tag) for tag in self.tags)

    @property
    def kinds(self) -> frozenset[str]:
        """What kinds of data about people its tags name; ``phi`` names ``health``."""
        marks = [tag.split(":") for tag in self.tags if is_personal(tag)]
        return frozenset(
            {kind for _, *kinds in marks for kind in kinds} | {HEALTH for mark, *_ in marks if mark == "phi"}
        )

    def __str__(self) -> str:
        return f"column {self.object}.{self.name}"


@dataclass(frozen=True)
class Table:
    """An object: its place, its columns (outer properties count too) by name, and those of its primary key."""

    name: str
    path: NodePath
    names: frozenset[str]
    key: frozenset[str]

    def belongs_to(self, other: Table) -> bool:
        """Whether its rows carry the whole primary key of another object, so that they go when those go."""
        return bool(other.key) and other.key <= self.names


def _plain(value: Any) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _tags(node: Any) -> frozenset[str]:
    return frozenset(_plain(tag) for tag in list_of(mapping_of(node).get("tags")) if _plain(tag))


def _asks_for_masking(node: Any) -> bool:
    value = custom_properties(mapping_of(node)).get(MASKING)
    return bool(value) and _plain(str(value)) not in _NOT_MASKED


def columns(contract: Contract) -> Iterator[Column]:
    """Every column, wherever it is nested, in the order of the file."""
    data = contract.document.data
    for position, node in enumerate(list_of(data.get("schema"))):
        name = str(mapping_of(node).get("name", position))
        table = Column(name, "", ("schema", position), _tags(data) | _tags(node), False, "", mapping_of(node))
        for child in _inner(table):
            yield from _leaves(child)


def _leaves(column: Column) -> Iterator[Column]:
    inner = list(_inner(column))
    if not inner:
        yield column
    for child in inner:
        yield from _leaves(child)


def _inner(outer: Column) -> Iterator[Column]:
    before = f"{outer.name}." if outer.name else ""
    for position, child in enumerate(list_of(outer.entry.get("properties"))):
        name = f"{before}{mapping_of(child).get('name', position)}"
        yield _column(outer, name, (*outer.path, "properties", position), child)
    if mapping_of(outer.entry.get("items")):
        yield _column(outer, f"{outer.name}[]", (*outer.path, "items"), outer.entry["items"])


def _column(outer: Column, name: str, path: NodePath, node: Any) -> Column:
    entry = mapping_of(node)
    tags, masked = outer.tags | _tags(entry), outer.masked or _asks_for_masking(entry)
    classification = _plain(entry.get("classification")) or outer.classification
    return Column(outer.object, name, path, tags, masked, classification, entry)


def tagged(contract: Contract) -> list[Column]:
    """The columns that are tagged as data about people."""
    return [column for column in columns(contract) if column.personal]


def concerns_people(contract: Contract) -> bool:
    """Whether the contract is about people's data: a column is tagged, data subjects are named, or the data does not
    rest on a licence. So it takes three declarations, not an omission, to leave a regulation behind."""
    given = root(contract)
    licensed = _plain(given.get(LEGAL_BASIS)).startswith(LICENCE)
    return not licensed or bool(given.get(SUBJECTS)) or bool(tagged(contract))


def tables(contract: Contract) -> list[Table]:
    """All objects."""
    found = []
    for position, node in enumerate(list_of(contract.document.data.get("schema"))):
        entry = mapping_of(node)
        inner = [mapping_of(each) for each in list_of(entry.get("properties"))]
        names = frozenset(str(each.get("name")) for each in inner)
        key = frozenset(str(each.get("name")) for each in inner if each.get("primaryKey") is True)
        found.append(Table(str(entry.get("name", position)), ("schema", position), names, key))
    return found


def tables_about_people(contract: Contract) -> list[Table]:
    """Objects with a tagged column; all of them where people are concerned and no column is tagged."""
    marked = {column.object for column in tagged(contract)}
    if not marked and concerns_people(contract):
        return tables(contract)
    return [table for table in tables(contract) if table.name in marked]
