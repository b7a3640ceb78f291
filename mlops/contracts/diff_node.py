"""Two versions of one node of a contract, compared key by key so that nothing hides.

A table of clauses says how each key is compared. A key that no clause knows, and a difference about which its clause
says nothing, comes out as an unknown change, which is major. Entries of lists are paired by their identity, so their
order does not matter.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlops.contracts.nodes import mapping_of

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode

Grade = Literal["major", "major_governance", "minor", "patch"]
Node = Mapping[str, Any]

# Lists whose order is part of what they say; every other list is a set of entries.
_ORDERED = ("implementation", "from", "to")
# Lists that names leave out: OBJECT.PROPERTY.RULE says enough.
_CONTAINERS = ("schema", "properties", "quality", "customProperties")


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        id: what changed, for example ``OBJECT.PROPERTY.RULE``, ``roles.ROLE`` or ``mlops.residency``.
        path: where it stands in the contract; entries of lists by their identity. The same in both directions.
        kind: a stable word for what happened; the other direction has the opposite word (added, removed).
        grade: its weight; ``major_governance`` is major and needs the data-protection role's approval as well.
        message: one sentence that quotes the contract only.
    """

    id: str
    path: str
    kind: str
    grade: Grade
    message: str


@dataclass(frozen=True)
class Place:
    """Where a comparison stands; all three are empty at the top.

    Attributes:
        id: of the entry or the top-level key, as in ``Change``.
        path: as in the file, entries of lists by their label.
        name: what messages call it: ``id``, and below it the keys.
    """

    id: str = ""
    path: str = ""
    name: str = ""

    def key(self, key: str) -> Place:
        """A key of this node."""
        key = key if key.isprintable() else json.dumps(key)
        name = self.name if key in _CONTAINERS else _joined(self.name, key)
        return Place(self.id or key, _joined(self.path, key), name)

    def entry(self, label: str) -> Place:
        """An entry, which has an identity of its own, of the list that stands here."""
        name = _joined(self.name, label)
        return Place(name, f"{self.path}[{label}]", name)

    def member(self, label: str) -> Place:
        """A word of the set that stands here."""
        return Place(self.id, f"{self.path}[{label}]", self.name)

    def change(self, kind: str, grade: Grade, message: str) -> Change:
        return Change(self.id, self.path, kind, grade, message)


def _joined(*names: str) -> str:
    return ".".join(filter(None, names))


Changes = Iterable[Change]
Compare = Callable[[Place, Node, Node], Changes]


@dataclass(frozen=True)
class Clause:
    """How the keys of one clause are compared. ``compare`` gets the place of the node and, from each version, the
    keys that are there; it is asked only where they differ."""

    keys: tuple[str, ...]
    compare: Compare


def clause(keys: str | tuple[str, ...], compare: Compare) -> Clause:
    """A clause of several keys, compared together."""
    return Clause((keys,) if isinstance(keys, str) else keys, compare)


def value_clause(keys: str | tuple[str, ...], compare: Callable[[Place, Any, Any], Changes]) -> list[Clause]:
    """One clause per key; ``compare`` gets the place of the key and both values, None where there is none."""

    def for_key(name: str) -> Clause:
        return Clause((name,), lambda place, old, new: compare(place.key(name), old.get(name), new.get(name)))

    return [for_key(name) for name in ((keys,) if isinstance(keys, str) else keys)]


def compare_nodes(place: Place, old: Any, new: Any, clauses: Sequence[Clause]) -> Iterator[Change]:
    """Every change between two mappings, each key by the first clause that names it.

    Where one is not a mapping, an unknown change if they differ at all.
    """
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if not same(old, new):
            yield unknown(place, old, new)
        return
    left = set(old) | set(new)
    for each in clauses:
        keys = left & set(each.keys)
        left -= keys
        before, after = _part(old, keys), _part(new, keys)
        if not same(before, after):
            yield from list(each.compare(place, before, after)) or _unknown_keys(place, before, after)
    yield from _unknown_keys(place, _part(old, left), _part(new, left))


def _part(node: Node, keys: Iterable[str]) -> Node:
    return {key: node[key] for key in keys if key in node}


def _unknown_keys(place: Place, old: Node, new: Node) -> Iterator[Change]:
    for key in sorted(set(old) | set(new)):
        if not same(_part(old, [key]), _part(new, [key])):
            yield unknown(place.key(key), old.get(key), new.get(key))


def unknown(place: Place, old: Any, new: Any) -> Change:
    """What no rule classifies."""
    return place.change("unknown", "major", f"{place.name} {went(old, new)}: no rule says what that means.")


def same_meaning(place: Place) -> Change:
    """Written differently, meaning the same."""
    return place.change("respelled", "patch", f"{place.name} is written differently and means the same.")


def same(old: Any, new: Any) -> bool:
    """Whether two values say the same: 1 and 1.0 do, 1 and true do not; order counts only in some lists."""
    return fingerprint(old) == fingerprint(new)


def fingerprint(value: Any, ordered: bool = False) -> str:
    """A value as one text that is equal exactly for values that say the same."""
    if isinstance(value, Mapping):
        items = (f"{_encode(key)}:{fingerprint(value[key], ordered or key in _ORDERED)}" for key in sorted(value))
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        entries = [fingerprint(entry, ordered) for entry in value]
        return "[" + ",".join(entries if ordered else sorted(entries)) + "]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _encode(value)


def spelled(value: Any) -> str:
    """A value of the contract inside a sentence: short, on one line, without control characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    if not text.isprintable() or not text:
        text = json.dumps(text)
    return text if len(text) <= 60 else f"{text[:40]} … {text[-15:]}"


def went(old: Any, new: Any) -> str:
    """The end of a sentence: ``was added (…)``, ``was removed (…)``, or ``changed from … to …``."""
    if old is None:
        return f"was added ({spelled(new)})"
    if new is None:
        return f"was removed ({spelled(old)})"
    before, after = spelled(old), spelled(new)
    return "changed" if before == after else f"changed from {before} to {after}"


@dataclass(frozen=True)
class Pair:
    """One entry of a list in both versions; None where it is not there. ``label`` is its identity."""

    label: str
    old: Any
    new: Any


def pairs(old: Any, new: Any, keys: tuple[str, ...]) -> Iterator[Pair]:
    """The entries of two lists by identity: the first of ``keys`` that holds a word, else all that they say.

    What is left over on both sides is paired by any of ``keys`` that both share, so that a new id does not hide what
    else changed. Order does not matter.
    """
    before, after = _labelled(old, keys), _labelled(new, keys)
    for label in [label for label in before if label in after]:
        yield Pair(label, before.pop(label), after.pop(label))
    for key in keys:
        lefts, rights = _by(before, key), _by(after, key)
        for value in [value for value in lefts if value in rights]:
            yield Pair(value, before.pop(lefts[value]), after.pop(rights[value]))
    for label, entry in before.items():
        yield Pair(label, entry, None)
    for label, entry in after.items():
        yield Pair(label, None, entry)


def _labelled(entries: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    """Entries by label, in the order of labels; a label that occurs again is numbered."""
    if not isinstance(entries, list):
        entries = [] if entries is None else [entries]
    labelled = sorted((_label(entry, keys), fingerprint(entry), number) for number, entry in enumerate(entries))
    seen: Counter[str] = Counter()
    found = {}
    for label, _, number in labelled:
        seen[label] += 1
        found[label if seen[label] == 1 else f"{label}#{seen[label]}"] = entries[number]
    return found


def _label(entry: Any, keys: tuple[str, ...]) -> str:
    node = mapping_of(entry)
    words = [node[key] for key in keys if isinstance(node.get(key), str) and node[key]]
    word = words[0] if words else entry
    return word if isinstance(word, str) and word.isprintable() else fingerprint(word)


def _by(entries: Mapping[str, Any], key: str) -> dict[str, str]:
    """Value of ``key`` → label, for values that one entry alone has."""
    values = {label: mapping_of(entry).get(key) for label, entry in entries.items()}
    count = Counter(value for value in values.values() if isinstance(value, str))
    return {value: label for label, value in values.items() if isinstance(value, str) and count[value] == 1}


def members(value: Any) -> dict[str, Any]:
    """A set of words, or one word, as label → member; empty for None."""
    return _labelled(value, ())


def compare_lists(
    place: Place,
    old: Any,
    new: Any,
    keys: tuple[str, ...],
    both: Callable[[Place, Node, Node], Changes],
    one: Callable[[Place, Node | None, Node | None], Changes],
) -> Iterator[Change]:
    """The changes of a keyed list: ``both`` compares an entry that stayed, ``one`` describes one that came or went."""
    for pair in pairs(old, new, keys):
        where = place.entry(pair.label)
        if same(pair.old, pair.new):
            continue
        if not all(entry is None or isinstance(entry, Mapping) for entry in (pair.old, pair.new)):
            yield unknown(where, pair.old, pair.new)
        elif pair.old is None or pair.new is None:
            yield from one(where, pair.old, pair.new)
        else:
            yield from list(both(where, pair.old, pair.new)) or [unknown(where, pair.old, pair.new)]
