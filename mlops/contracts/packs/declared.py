"""What a contract declares as a whole: custom properties, purposes, roles, links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.contracts.contract import Contract
from mlops.contracts.nodes import custom_properties, list_of, mapping_of, walk
from mlops.contracts.packs.pack_rule import Place
from mlops.contracts.profile import PROHIBITED, PURPOSES
from mlops.yaml_source import NodePath

_ANYTHING = ("*", "all", "any", "anything", "everything", "other", "unspecified")
_EVERYBODY = ("all", "any", "anybody", "anyone", "everybody", "everyone", "public")


def root(contract: Contract) -> dict[str, Any]:
    """The custom properties of the contract as a whole."""
    return custom_properties(contract.document.data)


def at_root(contract: Contract, key: str) -> NodePath:
    """Place of one of them, or of all where it is not there."""
    for position, entry in enumerate(list_of(contract.document.data.get("customProperties"))):
        if mapping_of(entry).get("property") == key:
            return ("customProperties", position)
    return ("customProperties",)


def is_text(value: Any) -> bool:
    """Whether something is said in words."""
    return isinstance(value, str) and bool(value.strip())


def words(value: Any) -> list[str]:
    """The words of a list in lower case, so that ``Resale`` is ``resale``."""
    return [word.strip().casefold() for word in list_of(value) if is_text(word)]


def described(contract: Contract, key: str) -> bool:
    """Whether ``description`` says something about ``purpose``, ``usage`` or ``limitations``."""
    return is_text(mapping_of(contract.document.data.get("description")).get(key))


def prohibits(contract: Contract, *purposes: str) -> bool:
    """Whether one of these words for one purpose is prohibited and not permitted as well."""
    given = root(contract)
    forbidden = set(words(given.get(PROHIBITED))) & set(purposes)
    return bool(forbidden) and not set(words(given.get(PURPOSES))) & set(purposes)


def unnamed_purposes(contract: Contract) -> Iterator[Place]:
    """No purpose in words, or a permitted purpose that permits everything."""
    if not described(contract, "purpose"):
        yield ("description",), "expected a purpose in words, found none", "write description.purpose"
    for word in words(root(contract).get(PURPOSES)):
        if word in _ANYTHING:
            yield at_root(contract, PURPOSES), f"the permitted purpose {word} names no purpose", "name each purpose"


def roles(contract: Contract) -> Iterator[tuple[NodePath, Mapping[str, Any]]]:
    """Every role with its place."""
    for position, entry in enumerate(list_of(contract.document.data.get("roles"))):
        yield ("roles", position), mapping_of(entry)


def role_name(role: Mapping[str, Any]) -> str:
    """Its name in lower case; empty where there is none."""
    name = role.get("role")
    return name.strip().casefold() if isinstance(name, str) else ""


def is_everybody(role: Mapping[str, Any]) -> bool:
    """Whether a role stands for nobody in particular."""
    name = role_name(role)
    return not name or "*" in name or name in _EVERYBODY


def links(contract: Contract, kind: str) -> bool:
    """Whether some ``authoritativeDefinitions``, of the contract or of a part of it, give a link of this type."""
    for path, node in walk(contract.document.data):
        if path[-1:] == ("authoritativeDefinitions",):
            for entry in map(mapping_of, list_of(node)):
                if words([entry.get("type")]) == [kind] and is_text(entry.get("url")):
                    return True
    return False
