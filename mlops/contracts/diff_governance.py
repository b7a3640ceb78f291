"""What people were promised about the data: classification, personal-data tags, purposes, residency, masking, deletion.

The same keys mean the same wherever they stand, so one table compares ``customProperties`` of the contract, its
objects, properties and rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops.contracts.diff_node import (
    Change,
    Grade,
    Node,
    Place,
    compare_lists,
    members,
    same,
    same_meaning,
    spelled,
    unknown,
    went,
)
from mlops.contracts.diff_waivers import compare_waivers
from mlops.contracts.nodes import is_number, mapping_of
from mlops.contracts.profile import LEGAL_BASIS, MAX_QUARANTINE, PROHIBITED, PURPOSES, RESIDENCY
from mlops.contracts.waivers import WAIVERS

CLASSES = ("public", "internal", "confidential", "restricted")
"""Classifications, the least protected first."""

MASKING = "mlops.masking"
DELETION = "mlops.deletion"
DATA_PROTECTION = "mlops.dataProtectionRole"
DEFAULT_DATA_PROTECTION = "data-protection-officer"

_NOT_MASKED = (None, False, "", "none", "off", "no")


@dataclass(frozen=True)
class _Words:
    """How a set of words is compared: what it is called, and the grade and meaning of one that comes or goes."""

    kind: str
    noun: str
    added: tuple[Grade, str]
    removed: tuple[Grade, str]


_PERSONAL = _Words(
    "pii_tag",
    "The tag",
    ("minor", "it counts as personal data from now on"),
    ("major_governance", "it no longer counts as personal data"),
)
_PLAIN_TAG = _Words(
    "tag", "The tag", ("major", "no rule says what that means"), ("major", "no rule says what that means")
)
_SETS = {
    PURPOSES: _Words(
        "purpose",
        "The permitted purpose",
        ("major_governance", "the data may be used for more than people were told"),
        ("major", "who uses the data for it is refused"),
    ),
    PROHIBITED: _Words(
        "prohibition",
        "The prohibited purpose",
        ("major", "who uses the data for it is refused"),
        ("major_governance", "it is no longer forbidden"),
    ),
    RESIDENCY: _Words(
        "residency",
        "The region",
        ("major_governance", "the data may go there"),
        ("major", "work in that region is refused"),
    ),
    "mlops.regulations": _Words(
        "regulation",
        "The regulation",
        ("major", "its rules apply from now on"),
        ("major_governance", "its rules no longer apply"),
    ),
    "mlops.dataSubjects": _Words(
        "data_subject",
        "The group of people",
        ("major_governance", "the data is about more people than was declared"),
        ("major_governance", "the data is declared to be about fewer people"),
    ),
}


def _compare_words(place: Place, old: Any, new: Any, words: _Words) -> Iterator[Change]:
    before, after = members(old), members(new)
    for label in sorted(set(before) ^ set(after)):
        came = label in after
        verb, (grade, meaning) = ("added", words.added) if came else ("removed", words.removed)
        message = f"{words.noun} {spelled(label)} of {place.name} was {verb}: {meaning}."
        yield place.member(label).change(f"{words.kind}_{verb}", grade, message)


def tags(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``tags``: one that marks personal data (``pii:…``) may not disappear in silence."""
    for words, personal in ((_PERSONAL, True), (_PLAIN_TAG, False)):
        parts = [{k: v for k, v in members(value).items() if is_personal(k) == personal} for value in (old, new)]
        yield from _compare_words(place, list(parts[0].values()), list(parts[1].values()), words)


def is_personal(tag: str) -> bool:
    """Whether a tag marks personal data: ``pii`` or ``pii:KIND``, or ``phi`` for health information."""
    plain = tag.strip().casefold()
    return plain.startswith("pii") or plain.split(":")[0] == "phi"


def classification(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``classification``: raised is minor; lowered, or to or from a word without an order, needs data protection."""
    before, after = class_rank(old), class_rank(new)
    said = f"The classification of {place.id} {went(old, new)}"
    if before is None or after is None:
        message = f"{said}: nobody can say whether it is protected less."
        yield place.change("classification_changed", "major_governance", message)
    elif before == after:
        yield same_meaning(place)
    elif after > before:
        yield place.change("classification_raised", "minor", f"{said}: it is protected more strictly.")
    else:
        yield place.change("classification_lowered", "major_governance", f"{said}: it is protected less.")


def class_rank(word: Any) -> int | None:
    """Place in the order of protection, -1 where nothing is said, None for a word without an order."""
    if word is None:
        return -1
    plain = word.strip().casefold() if isinstance(word, str) else ""
    return CLASSES.index(plain) if plain in CLASSES else None


def is_protected(node: Node) -> bool:
    """Whether a property or an object, or a property inside it, is confidential or above, tagged as personal, or
    masked; a classification without an order counts as such."""
    masked = any(mapping_of(each).get("property") == MASKING for each in members(node.get("customProperties")).values())
    tagged = any(is_personal(label) for label in members(node.get("tags")))
    classified = class_rank(node.get("classification")) not in (-1, 0, 1)
    inner = [*members(node.get("properties")).values(), node.get("items")]
    return masked or tagged or classified or any(is_protected(mapping_of(each)) for each in inner if each)


def custom_properties(place: Place, old: Any, new: Any) -> Iterator[Change]:
    """``customProperties`` of any node, paired by ``property``."""

    def both(where: Place, before: Node, after: Node) -> Iterator[Change]:
        yield from _custom(where, before, after)
        for key in sorted((set(before) | set(after)) - {"property", "value"}):
            if not same(before.get(key), after.get(key)):
                yield from _about_custom(where.key(key), before.get(key), after.get(key))

    def one(where: Place, before: Node | None, after: Node | None) -> Iterator[Change]:
        yield from list(_custom(where, mapping_of(before), mapping_of(after))) or [unknown(where, before, after)]

    yield from compare_lists(place, old, new, ("property",), both, one)


def _about_custom(place: Place, old: Any, new: Any) -> Iterator[Change]:
    if place.path.endswith(".description"):
        yield place.change("text_changed", "patch", f"{place.name} is worded differently.")
    else:
        yield unknown(place, old, new)


def _custom(place: Place, old: Node, new: Node) -> Iterator[Change]:
    """The values of one custom property; an entry that is not there is empty."""
    name = str((old or new).get("property"))
    before, after = old.get("value"), new.get("value")
    if same(before, after):
        return
    found: list[Change] = []
    if name in _SETS:
        found = list(_compare_words(place, before, after, _SETS[name]))
    elif name in _VALUES:
        found = list(_VALUES[name](place, before, after))
    yield from found or [unknown(place, before, after)]


def _legal_basis(place: Place, old: Any, new: Any) -> Iterator[Change]:
    message = f"The legal basis ({place.name}) {went(old, new)}: every use rests on another ground."
    yield place.change("legal_basis_changed", "major_governance", message)


def _data_protection_role(place: Place, old: Any, new: Any) -> Iterator[Change]:
    message = f"The data-protection role ({place.name}) {went(old, new)}: other people approve such changes."
    yield place.change("data_protection_role_changed", "major_governance", message)


def _masking(place: Place, old: Any, new: Any) -> Iterator[Change]:
    before, after = (value not in _NOT_MASKED for value in (old, new))
    said = f"Masking ({place.name}) {went(old, new)}"
    if not before and not after:
        yield same_meaning(place)
    elif not before:
        yield place.change("masking_added", "major", f"{said}: who reads the data finds placeholders from now on.")
    elif not after:
        yield place.change("masking_removed", "major_governance", f"{said}: personal data is no longer masked.")
    else:
        message = f"{said}: nobody can say whether masking is weaker."
        yield place.change("masking_changed", "major_governance", message)


def _quarantine(place: Place, old: Any, new: Any) -> Iterator[Change]:
    before, after = (0 if value is None else value for value in (old, new))
    said = f"The share of records that may be set aside ({place.name}) {went(old, new)}"
    if not is_number(before) or not is_number(after):
        return
    if before == after:
        yield same_meaning(place)
    elif after > before:
        yield place.change("bound_loosened", "major", f"{said}: data with more faults passes.")
    else:
        message = f"{said}: data with fewer faults is blocked; re-test the current data."
        yield place.change("bound_tightened", "minor", message)


def _deletion(place: Place, old: Any, new: Any) -> Iterator[Change]:
    before, after = mapping_of(old), mapping_of(new)
    for key in sorted((set(before) | set(after)) - {"maxDays"}):
        if not same(before.get(key), after.get(key)):
            message = f"{place.name}.{key} {went(before.get(key), after.get(key))}: people's data may not be found."
            yield place.key(key).change("deletion_changed", "major_governance", message)
    days = before.get("maxDays"), after.get("maxDays")
    if not same(*days):
        yield _deletion_days(place.key("maxDays"), *days)


def _deletion_days(place: Place, old: Any, new: Any) -> Change:
    said = f"The days in which data is deleted on request ({place.name}) {went(old, new)}"
    if not all(value is None or is_number(value) for value in (old, new)):
        message = f"{said}: nobody can say whether people wait longer."
        return place.change("deletion_changed", "major_governance", message)
    if new is None or (old is not None and new > old):
        return place.change("deletion_lengthened", "major_governance", f"{said}: people wait longer.")
    return place.change("deletion_shortened", "minor", f"{said}: make sure that deletion is that fast.")


_VALUES = {
    LEGAL_BASIS: _legal_basis,
    DATA_PROTECTION: _data_protection_role,
    MASKING: _masking,
    MAX_QUARANTINE: _quarantine,
    DELETION: _deletion,
    WAIVERS: compare_waivers,
}
