"""What holds for any two contracts: nothing hides, order is nothing, and back is the opposite of there."""

from __future__ import annotations

import copy
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mlops.contracts.contract import Contract, build_contract, load_contract
from mlops.contracts.diff import ContractDiff, diff
from mlops.contracts.diff_bounds import compare_operators, operator_of
from mlops.contracts.diff_node import fingerprint
from mlops.contracts.nodes import OPERATORS
from mlops.contracts.profile import check_document
from mlops.yaml_source import Document

BASE = load_contract(Path(__file__).with_name("diff_base.odcs.yaml"))
IDENTITY = {("version",), ("id",), ("name",)}  # of the contract: judged, not compared

words = st.sampled_from(["a", "b", "c"])
word_lists = st.lists(words, unique=True, max_size=3)
levels = st.sampled_from(["public", "internal", "confidential", "restricted", "secret"])
masks = st.sampled_from(["required", "applied", "none"])


def keyed(key: str, strategy: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(strategy, max_size=most, unique_by=lambda entry: str(entry[key]))


def custom(names: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    entries = [st.fixed_dictionaries({"property": st.just(name), "value": value}) for name, value in names.items()]
    return keyed("property", st.one_of(entries), 3)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    operator, low = draw(st.sampled_from(OPERATORS)), draw(st.integers(0, 5))
    bound: Any = [low, low + draw(st.integers(1, 3))] if operator.endswith("Between") else low
    optional = {"severity": st.sampled_from(["info", "warning", "error"]), "unit": st.sampled_from(["rows", "percent"])}
    given_too = draw(st.fixed_dictionaries({}, optional=optional))
    values = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    measure = {"metric": "invalidValues", "arguments": {"validValues": values}}
    return {"id": draw(words), **measure, operator: bound, **given_too}


def properties() -> st.SearchStrategy[dict[str, Any]]:
    needed = {"name": words, "logicalType": st.just("string")}
    optional = {
        "required": st.booleans(),
        "unique": st.booleans(),
        "classification": levels,
        "tags": st.lists(st.sampled_from(["pii:mail", "pii:name", "house"]), max_size=2, unique=True),
        "description": words,
        "enum": st.sampled_from([[{"value": "a"}], [{"value": "a"}, {"value": "b", "label": "l"}]]),
        "logicalTypeOptions": st.fixed_dictionaries(
            {}, optional={"minLength": st.integers(0, 3), "maxLength": st.integers(4, 9), "pattern": words}
        ),
        "quality": keyed("id", rules(), 2),
        "customProperties": custom({"mlops.masking": masks, "house": words}),
    }
    return st.builds(_with_id, st.fixed_dictionaries(needed, optional=optional), st.booleans())


def _with_id(entry: dict[str, Any], given_too: bool) -> dict[str, Any]:
    return {"id": f"id_{entry['name']}", **entry} if given_too else entry


needed_policy = {
    "mlops.legalBasis": words,
    "mlops.permittedPurposes": st.lists(words, unique=True, min_size=1),
    "mlops.residency": st.lists(words, unique=True, min_size=1),
}
free_policy = {
    "mlops.prohibitedPurposes": word_lists,
    "mlops.regulations": word_lists,
    "mlops.dataSubjects": word_lists,
    "mlops.masking": masks,
    "mlops.deletion": st.fixed_dictionaries({"keyField": words, "maxDays": st.integers(1, 60)}),
    "mlops.maxQuarantineShare": st.sampled_from([0, 0.1, 0.5]),
    "mlops.waivers": keyed(
        "rule",
        st.fixed_dictionaries(
            {"rule": words, "owner": words, "reason": words, "expires": st.sampled_from(["2027-01-01", "2028-01-01"])}
        ),
        2,
    ),
    "house.colour": words,
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A small contract as plain data, valid by the standard and the profile."""
    objects = st.fixed_dictionaries(
        {"name": words, "properties": keyed("name", properties(), 3)},
        optional={"physicalType": words, "quality": keyed("id", rules().map(_of_object), 2), "description": words},
    )
    levels_of_service = st.fixed_dictionaries(
        {
            "id": words,
            "property": st.sampled_from(["retention", "freshness", "latency"]),
            "value": st.integers(1, 40),
            "unit": st.sampled_from(["d", "w", "m", "y"]),
        }
    )
    roles = st.fixed_dictionaries({"role": words, "access": words}, optional={"firstLevelApprovers": words})
    members = st.fixed_dictionaries({"username": words, "role": st.sampled_from(["owner", "dpo", "other"])})
    team = st.lists(members, max_size=2, unique_by=(lambda each: each["username"], lambda each: each["role"]))
    links = st.fixed_dictionaries({"id": words, "type": st.sampled_from(["dpia", "license", "other"]), "url": words})
    policy = [{"property": name, "value": draw(value)} for name, value in needed_policy.items()]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "urn:a",
        "name": "a",
        "version": "1.0.0",
        "status": draw(st.sampled_from(["active", "draft"])),
        "schema": draw(st.lists(objects, min_size=1, max_size=2, unique_by=lambda entry: str(entry["name"]))),
        "slaProperties": draw(keyed("id", levels_of_service, 3)),
        "roles": draw(keyed("role", roles, 2)),
        "team": {"name": draw(words), "members": draw(team)},
        "authoritativeDefinitions": draw(keyed("id", links, 2)),
        "customProperties": policy + draw(custom(free_policy)),
    }


def _of_object(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "metric": "rowCount", "arguments": {}, "unit": "rows"}


def contract(data: dict[str, Any]) -> Contract:
    """A contract of plain data, as if it had been read from a file."""
    return build_contract(Document(Path("a.odcs.yaml"), "sha256:" + "0" * 64, data, {}))


def edited(data: dict[str, Any]) -> Contract:
    """The base contract with any data in the place of its own, valid or not."""
    return replace(BASE, id=data["id"], name=data["name"], document=replace(BASE.document, data=data))


def shuffled(node: Any, chance: random.Random) -> Any:
    """The same with every list in another order, but those whose order is what they say."""
    if isinstance(node, dict):
        keys = list(node)
        chance.shuffle(keys)
        ordered = ("implementation", "mustBeBetween", "mustNotBeBetween")
        return {key: node[key] if key in ordered else shuffled(node[key], chance) for key in keys}
    if isinstance(node, list):
        entries = [shuffled(entry, chance) for entry in node]
        chance.shuffle(entries)
        return entries
    return node


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Path of every scalar, and of every empty list and mapping."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [leaf for key, child in children for leaf in leaves(child, (*path, key))]
    yield from found or [path]


def without(data: dict[str, Any], path: tuple[Any, ...], *value: Any) -> dict[str, Any]:
    """A copy in which the leaf is gone, or is ``value``."""
    made = copy.deepcopy(data)
    node: Any = made
    for key in path[:-1]:
        node = node[key]
    if value:
        node[path[-1]] = value[0]
    else:
        del node[path[-1]]
    return made


OPPOSITES = {
    "added": "removed",
    "loosened": "tightened",
    "lengthened": "shortened",
    "raised": "lowered",
    "upgraded": "downgraded",
}
OPPOSITES |= {back: there for there, back in OPPOSITES.items()}


def opposite(kind: str) -> str:
    stem, _, verb = kind.rpartition("_")
    return f"{stem}_{OPPOSITES[verb]}" if verb in OPPOSITES else kind


# Where both let something through that the other does not, each is loosened (or longer) compared with the other.
BOTH_WAYS = {"bound_loosened": "bound", "bound_tightened": "bound"} | {
    f"{name}_{verb}": name
    for name in ("retention", "freshness")
    for verb in ("lengthened", "shortened", "loosened", "tightened")
}


def classes(found: ContractDiff, turn: bool) -> Counter[tuple[str, str]]:
    kinds = ((change.path, opposite(change.kind) if turn else change.kind) for change in found.changes)
    return Counter((path, BOTH_WAYS.get(kind, kind)) for path, kind in kinds)


@settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(documents())
def test_the_strategy_makes_contracts(data: dict[str, Any]) -> None:
    assert check_document(Document(Path("a.odcs.yaml"), "", data, {})) == []


@settings(max_examples=40, deadline=None)
@given(documents(), st.integers(0, 2**32))
def test_a_contract_in_any_order_has_not_changed(data: dict[str, Any], seed: int) -> None:
    again = contract(shuffled(data, random.Random(seed)))
    assert diff(contract(data), again).changes == ()


@settings(max_examples=40, deadline=None)
@given(documents(), documents(), st.integers(0, 2**32))
def test_order_never_matters(old: dict[str, Any], new: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    mixed = diff(contract(shuffled(old, chance)), contract(shuffled(new, chance)))
    assert mixed == diff(contract(old), contract(new))


@settings(max_examples=80, deadline=None)
@given(documents(), documents())
def test_back_is_the_opposite_of_there(old: dict[str, Any], new: dict[str, Any]) -> None:
    there, back = diff(contract(old), contract(new)), diff(contract(new), contract(old))
    assert classes(there, turn=False) == classes(back, turn=True)
    assert bool(there.changes) == (fingerprint(old) != fingerprint(new))
    tightened = [
        {change.path for change in each.changes if change.kind.endswith("tightened")} for each in (there, back)
    ]
    assert not tightened[0] & tightened[1]


@settings(max_examples=80, deadline=None)
@given(documents(), st.data())
def test_no_edit_of_a_leaf_hides(data: dict[str, Any], draw: st.DataObject) -> None:
    path = draw.draw(st.sampled_from([leaf for leaf in leaves(data) if leaf not in IDENTITY]))
    made = without(data, path, draw.draw(st.sampled_from(["other", 17, 0.25, False, None, ["other"], {"x": "y"}])))
    there, back = diff(edited(data), edited(made)), diff(edited(made), edited(data))
    assert bool(there.changes) == bool(back.changes) == (fingerprint(data) != fingerprint(made))


ALL_LEAVES = [leaf for leaf in leaves(dict(BASE.document.data)) if leaf not in IDENTITY]


@pytest.mark.parametrize("path", ALL_LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_every_leaf_counts(path: tuple[Any, ...]) -> None:
    data = dict(BASE.document.data)
    for made in (without(data, path), without(data, path, "other"), without(data, path, [1])):
        assert diff(BASE, edited(made)).changes
        assert diff(edited(made), BASE).changes


NUMBERS = [number / 2 for number in range(-4, 24)]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(OPERATORS, OPERATORS)))
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(1, 3), st.integers(1, 3))
def test_loosened_is_what_accepts_more(old: str, new: str, low: int, other: int, wide: int, broad: int) -> None:
    bounds: list[Any] = [[low, low + wide] if old.endswith("Between") else low]
    bounds.append([other, other + broad] if new.endswith("Between") else other)
    before, after = operator_of({old: bounds[0]}), operator_of({new: bounds[1]})
    assert before is not None
    assert after is not None
    more = [number for number in NUMBERS if after.holds(number) and not before.holds(number)]
    less = [number for number in NUMBERS if before.holds(number) and not after.holds(number)]
    expected = "loosened" if more else "tightened" if less else "same"
    assert compare_operators(before, after) == expected
