"""A value confirmed once in a conversation is the same value wherever else it stands in it.

"My name is Anna Smith" confirms a name that "thanks, Anna" ten turns later would not; a card that passed its checksum
is still a card when it is repeated in other groups inside a tool's JSON.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from mlops.privacy.config import NATIONAL
from mlops.privacy.digit_runs import clear_of_digits, looks_like_money
from mlops.privacy.normalisation import is_its_own_view, normalise
from mlops.privacy.patterns import compile_pattern
from mlops.privacy.spans import Finding
from mlops.privacy.words import NAMES_AND_WORDS

Key = tuple[str, str]

_SEPARATORS = r"[ .\-/()]{0,2}"
_DIGIT_TYPES = NATIONAL | {"CREDIT_CARD", "PHONE_NUMBER", "ACCOUNT_NUMBER", "IBAN_CODE", "ABA_ROUTING_NUMBER", "IMEI"}
_CASED_TYPES = frozenset({"SECRET", "CRYPTO"})
_BATCH = 64
_LONGEST = 1_000


class Propagation:
    """The confirmed values of one conversation, as patterns.

    Args:
        findings: what detection confirmed, anywhere in the conversation.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        sources: dict[str, Key] = {}
        self.keys: frozenset[Key] = frozenset()
        self._aliases: dict[Key, Key] = {}
        confirmed = sorted({(f.type, f.canonical, f.surface) for f in findings})
        self.keys = frozenset((kind, canonical) for kind, canonical, _ in confirmed)
        self._aliases = _aliases(self.keys)
        for kind, canonical, surface in confirmed:
            for source in _sources(kind, canonical, surface):
                sources.setdefault(source, self.key(kind, canonical))
        self._batches = _compile(sources)

    def key(self, kind: str, canonical: str) -> Key:
        """What a value is numbered by: a first name or a national number counts as the fuller value it belongs to."""
        return self._aliases.get((kind, canonical), (kind, canonical))

    def places(self, texts: Sequence[str]) -> set[int]:
        """Places of the texts in which `find` may find something; in the others it finds nothing."""
        views = list(texts) if is_its_own_view("\n".join(texts)) else [normalise(text).text for text in texts]
        ends = list(accumulate(len(view) + 1 for view in views))
        joined = "\n".join(views)
        return {
            place
            for pattern, _ in self._batches
            for match in pattern.finditer(joined)
            # A value may be found across the border of two texts, where it hides one that begins in the second.
            for place in range(bisect_right(ends, match.start()), bisect_right(ends, match.end() - 1) + 1)
        }

    def find(self, text: str) -> list[Finding]:
        """Every place in `text` where a confirmed value stands free. Findings may overlap."""
        if not self._batches:
            return []
        view = normalise(text)
        found = []
        for pattern, keys in self._batches:
            for match in pattern.finditer(view.text):
                start, end = match.span()
                kind, canonical = keys[match.lastindex - 1]
                if _stands_free(view.text, start, end, kind):
                    source_start, source_end = view.source(start, end)
                    found.append(
                        Finding(source_start, source_end, kind, 0.5, "propagation", False, canonical, match.group())
                    )
        return found


def _compile(sources: dict[str, Key]) -> list[tuple[Any, list[Key]]]:
    """Alternations of at most `_BATCH` values, longest source first, so that a full name wins over its parts."""
    ordered = sorted(sources, key=lambda source: (-len(source), source))
    batches = []
    for first in range(0, len(ordered), _BATCH):
        batch = ordered[first : first + _BATCH]
        batches.append((compile_pattern("|".join(f"({source})" for source in batch)), [sources[one] for one in batch]))
    return batches


def _stands_free(view: str, start: int, end: int, kind: str) -> bool:
    if kind in _DIGIT_TYPES:
        return clear_of_digits(view, start, end) and not looks_like_money(view, start, end)
    return not (view[start - 1 : start].isalnum() or view[end : end + 1].isalnum())


def _aliases(keys: Iterable[Key]) -> dict[Key, Key]:
    aliases: dict[Key, Key] = {}
    names = [canonical for kind, canonical in keys if kind == "PERSON"]
    phones = [canonical for kind, canonical in keys if kind == "PHONE_NUMBER" and canonical.startswith("+")]
    for kind, canonical in keys:
        fuller: list[str] = []
        if kind == "PERSON" and " " not in canonical:
            fuller = [name for name in names if name != canonical and canonical in name.split()]
        elif kind == "PHONE_NUMBER" and not canonical.startswith("+"):
            fuller = [phone for phone in phones if _same_phone(phone, canonical)]
        if len(fuller) == 1:
            aliases[kind, canonical] = (kind, fuller[0])
    return aliases


def _same_phone(international: str, digits: str) -> bool:
    country, national = international[1:].split(" ")
    return digits.lstrip("0") in {national.lstrip("0"), country + national}


def _sources(kind: str, canonical: str, surface: str) -> list[str]:
    if len(surface) > _LONGEST:
        # A pattern of that length costs more than it finds: what is so long has a shape of its own.
        return []
    if kind == "PERSON":
        return _person_sources(canonical, surface)
    if kind == "PHONE_NUMBER":
        return _phone_sources(canonical)
    if kind in _DIGIT_TYPES:
        plain = "".join(character for character in canonical if character.isalnum())
        return [rf"(?i:{_SEPARATORS.join(plain)})"] if sum(map(str.isdigit, plain)) >= 6 else []
    if kind in _CASED_TYPES:
        return [_spaced(surface)] if _distinct(surface) else []
    return [f"(?i:{_spaced(surface)})"] if len(surface) >= 6 else []


def _distinct(secret: str) -> bool:
    """A secret that is also a plain word, or a four-digit code, would mask innocent text elsewhere."""
    return len(secret) >= 6 and not (secret.isalpha() and secret in {secret.lower(), secret.capitalize()})


def _phone_sources(canonical: str) -> list[str]:
    if not canonical.startswith("+"):
        return [_SEPARATORS.join(canonical)] if len(canonical) >= 7 else []
    country, national = canonical[1:].split(" ")
    if len(national) < 7:
        return []
    prefix = rf"(?:(?:\+|00)?{_SEPARATORS.join(country)}{_SEPARATORS})?(?:\(?0\)?{_SEPARATORS})?\(?"
    return [prefix + _SEPARATORS.join(national)]


def _person_sources(canonical: str, surface: str) -> list[str]:
    words = [word for word in re.split(r"[\s.]+", surface) if word]
    sources = [rf"(?i:{_spaced(surface)})"] if len(canonical) >= 3 and len(words) > 1 else []
    for word in words:
        if len(word) < 3 or (len(words) > 1 and not word[:1].isupper()):
            continue
        titled = word[:1].upper() + word[1:].lower()
        forms = {word, word.upper(), titled} if word[:1].isupper() or len(words) == 1 else {word}
        if word.casefold() in NAMES_AND_WORDS:
            forms.discard(word.lower())
        else:
            forms.add(word.lower())
        sources += [_spaced(form) for form in sorted(forms)]
    return sources


def _spaced(surface: str) -> str:
    return r"\s+".join(re.escape(part) for part in surface.split())
