"""What a profile puts in the place of each value.

While rows are masked, every value stands as a numbered placeholder, whatever its operator: so that detection,
propagation and the second scan never meet a value that was made here. At the end each placeholder is replaced by what
the profile says. Values of operator ``placeholder`` stay so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from mlops.privacy import operators, vault
from mlops.privacy.config import Operation, PrivacySection
from mlops.privacy.errors import PrivacyError
from mlops.privacy.keys import Key, KeyRing, load_keys
from mlops.privacy.placeholders import BrokenJsonError, begins_with_json
from mlops.privacy.surrogates import surrogate

_LABEL = re.compile(r"<[A-Z][A-Z0-9_]*_[0-9]+>")


class DroppedByProfileError(Exception):
    """The profile drops rows that hold such a value."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A value as it stands somewhere. Its repr shows the type only.

    Attributes:
        canonical: what all its spellings have in common.
        surface: as it stands there, normalised.
        original: as it stands there.
        bare: `original` is a whole number or word of a JSON text, outside quotes; what replaces it is put in quotes.
    """

    type: str
    canonical: str = field(repr=False)
    surface: str = field(repr=False)
    original: str = field(repr=False)
    bare: bool


class Transform:
    """The operations of a section, with the key that they work with.

    Args:
        section: profile, key id, name of the dataset.
        ring: keys; None: those of ``MLOPS_PRIVACY_KEY``, where the profile needs one at all.

    Raises:
        PrivacyError: PRIVACY-030 to 032, there is no usable key; PRIVACY-035, it is not the one that the section names.
    """

    def __init__(self, section: PrivacySection, ring: KeyRing | None = None) -> None:
        self._operations = section.operations
        self._dataset = section.dataset
        self._key = _key(section, ring) if section.keyed else None
        self._made: dict[tuple[str, ...], str | None] = {}
        kinds = section.masked_types
        self.renders = any(self._operations.operation(kind).operator != "placeholder" for kind in kinds)

    @property
    def key_id(self) -> str | None:
        return None if self._key is None else self._key.id

    def numbered(self, kind: str) -> bool:
        """Whether values of the type stay numbered placeholders."""
        return self._operations.operation(kind).operator == "placeholder"

    def text(
        self,
        text: str,
        marked: Mapping[str, Occurrence],
        record: str,
        conversation: str,
        here: Collection[str] = frozenset(),
        everywhere: Collection[str] = frozenset(),
    ) -> str:
        """``text`` with every placeholder in ``marked`` replaced.

        Args:
            marked: placeholder → what it stands for.
            record, conversation: ids that scopes row and conversation go by.
            here: real values of the conversation, squeezed: no surrogate of its scope, or of its row's, may equal one.
            everywhere: real values of all rows, squeezed: the same for surrogates of a wider scope.

        Raises:
            DroppedByProfileError: a value whose row is to be dropped stands in it.
            BrokenJsonError: a text that began with JSON would no longer do so.
        """

        parts, cursor = [], 0
        for label in _LABEL.finditer(text):
            one = marked.get(label.group())
            if one is None:
                continue
            narrow = self._operations.operation(one.type).scope in {"row", "conversation"}
            new = self._replacement(one, record, conversation, here if narrow else everywhere)
            start, end = label.span()
            if one.bare and new == one.original:
                start, end = start - 1, end + 1  # without the quotes that the placeholder was put in
            parts += [text[cursor:start], new]
            cursor = end
        replaced = "".join([*parts, text[cursor:]])
        if replaced != text and begins_with_json(text) and not begins_with_json(replaced):
            raise BrokenJsonError
        return replaced

    def _replacement(self, one: Occurrence, record: str, conversation: str, taken: Collection[str]) -> str:
        what = self._operations.operation(one.type)
        if what.operator in {"token", "surrogate", "date_shift", "vault"}:
            scope = self._scope(what, record, conversation)
            new = self._keyed(one, what, scope, self._key, taken) if self._key is not None else None
        else:
            new = _PLAIN[what.operator](one, what)
        return operators.redact(one.type) if new is None else new

    def _keyed(self, one: Occurrence, what: Operation, scope: str, key: Key, taken: Collection[str]) -> str | None:
        if what.operator == "vault":
            return vault.seal(one.type, one.original, key, bare=one.bare)
        if what.operator == "token":
            return operators.token(one.type, one.canonical, scope, key)
        if what.operator == "date_shift":
            return operators.shifted_date(one.surface, scope, key, what.days or operators.DAYS)
        name = (one.type, one.canonical, one.surface, scope)
        if name not in self._made:
            self._made[name] = surrogate(*name, key, taken)
        return self._made[name]

    def _scope(self, what: Operation, record: str, conversation: str) -> str:
        """Kind and id of what an operation is the same in."""
        kind = what.scope or ("conversation" if what.operator == "date_shift" else "dataset")
        return f"{kind}:" + {"row": record, "conversation": conversation, "dataset": self._dataset, "global": ""}[kind]


def _drop(one: Occurrence, what: Operation) -> str | None:
    raise DroppedByProfileError


# Operators that take no key.
_PLAIN: dict[str, Callable[[Occurrence, Operation], str | None]] = {
    "redact": lambda one, what: operators.redact(one.type),
    "mask": lambda one, what: operators.mask_all_but(one.surface, operators.LAST if what.last is None else what.last),
    "generalise": lambda one, what: operators.generalise(one.type, one.surface, what.no_year_before),
    "drop_row": _drop,
}


def _key(section: PrivacySection, ring: KeyRing | None) -> Key:
    key = (load_keys() if ring is None else ring).newest
    if section.key_id not in {None, key.id}:
        raise PrivacyError(
            "PRIVACY-035",
            f"expected the key {section.key_id} as newest, found {key.id}",
            where="privacy.key_id",
            todo="set MLOPS_PRIVACY_KEY to the key that the section names, or write the id of the new one there",
        )
    return key
