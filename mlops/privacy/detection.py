"""Find personal data and secrets in one text.

The way of a text: view (normalisation) → candidates (RE2) → verification (checksums, numbering plans, cues) → one
resolution of overlaps → offsets in the text as given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from mlops.privacy import cues, persons, secrets, validators
from mlops.privacy.config import ENTITY_TYPES
from mlops.privacy.digit_runs import Tally, classify, clear_of_digits
from mlops.privacy.normalisation import BLANK, normalise
from mlops.privacy.patterns import DIGITS, STRUCTURED, Union
from mlops.privacy.spans import Finding, Span, resolve

# Each pass blanks what the pass before found, so that a finding that had lost to another one where they overlapped
# still has its remainder masked. Two passes settle nearly every text; the bound keeps the cost linear.
_PASSES = 4


def detect(text: str) -> list[Span]:
    """Every span of personal data or secrets in `text`, sorted, without overlap, of all entity types.

    Offsets count code points of `text` itself. Placeholders such as ``<PERSON_1>`` are never found again. A text that
    holds an unpaired surrogate is read with that character replaced.
    """
    return [finding.span() for finding in find(text)]


def find(
    text: str,
    types: Collection[str] = ENTITY_TYPES,
    allow: Collection[str] = frozenset(),
    tally: Tally | None = None,
) -> list[Finding]:
    """What `detect` finds, with canonical values, of the given types only.

    Args:
        text: any string.
        types: entity types to look for; other findings take no part in the resolution of overlaps.
        allow: casefolded values that are public.
        tally: where (validator, accepted) counts are added; nowhere by default.
    """
    view = normalise(text)
    counts: Tally = Counter() if tally is None else tally
    work, found = view.text, []
    for _ in range(_PASSES):
        if not _may_hold_any(work):
            break
        chosen = resolve(
            finding
            for finding in _scan(work, types, counts)
            if finding.type in types and finding.surface.casefold() not in allow
        )
        if not chosen:
            break
        found.extend(chosen)
        work = _blank(work, chosen)
        counts = Counter()
    if not found:
        return []
    # Pieces that fold to several characters can map neighbours in the view onto one source character.
    return resolve(finding.moved(*view.source(finding.start, finding.end)) for finding in found)


def may_hold_any(texts: Iterable[str]) -> bool:
    """False when `find` would find nothing in any of the texts. One question for many short texts is far cheaper."""
    # A line break lets every pattern match in the joined text that matches in one of its parts.
    return _may_hold_any(normalise("\n".join(texts)).text)


def _blank(view: str, findings: Iterable[Finding]) -> str:
    parts, cursor = [], 0
    for finding in findings:
        parts += [view[cursor : finding.start], BLANK * (finding.end - finding.start)]
        cursor = finding.end
    return "".join([*parts, view[cursor:]])


_Scanner = Callable[[str], list[Finding]]
_SCANNERS: tuple[tuple[frozenset[str], _Scanner], ...] = (
    (frozenset({"SECRET"}), secrets.vendor_findings),
    (frozenset({"SECRET"}), secrets.cued_findings),
    (frozenset({"LOCATION"}), cues.street_findings),
    (frozenset({"LOCATION", "ACCOUNT_NUMBER", "DATE_TIME"}), cues.cued_findings),
    (frozenset({"PERSON"}), persons.person_findings),
)
# Questions that a clean text answers with no, and what it must hold for each to be asked at all. One union of all
# patterns would be a single question, but its automaton takes seconds to build.
_QUESTIONS: tuple[tuple[re.Pattern[str] | None, Union], ...] = (
    (re.compile(r"[0-9@/\[({]| dot ", re.IGNORECASE), Union((STRUCTURED,))),
    (re.compile(r"[0-9]"), Union((cues.STREETS,))),
    (None, Union((secrets.VENDOR, secrets.CUED, cues.CUED))),
    (None, Union((persons.PERSONS,))),
)


def _may_hold_any(view: str) -> bool:
    return any((needed is None or needed.search(view)) and union.matches(view) for needed, union in _QUESTIONS)


def _scan(view: str, types: Collection[str], tally: Tally) -> Iterator[Finding]:
    yield from _structured(view, tally)
    for yields, scanner in _SCANNERS:
        if not yields.isdisjoint(types):
            yield from scanner(view)


def _structured(view: str, tally: Tally) -> Iterator[Finding]:
    for branch, start, end in STRUCTURED.candidates(view):
        if branch == "digits":
            yield from classify(view, start, end, tally)
        else:
            yield from _VERIFIERS[branch](view, start, end, tally)


def _email(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    start += len(view[start:end]) - len(view[start:end].lstrip(".-'+%"))
    if view[start:end].find("@") > 0:
        yield Finding(start, end, "EMAIL_ADDRESS", 0.95, "email", False, view[start:end].casefold(), view[start:end])


def _email_words(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    words = view[start:end].casefold()
    for bracket in "[](){}":
        words = words.replace(bracket, " ")
    plain = "".join({"at": "@", "dot": "."}.get(word, word) for word in words.split())
    yield Finding(start, end, "EMAIL_ADDRESS", 0.8, "email-in-words", False, plain, view[start:end])


def _url(detector: str) -> Callable[[str, int, int, Tally], Iterator[Finding]]:
    def verify(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
        end = start + len(view[start:end].rstrip(".,;:!?)]}*"))
        before = view[start - 1 : start]
        if not before.isalnum() and before not in {"@", "."}:
            # Credentials inside make the whole address count, whatever else is found in it.
            whole = detector != "url-handle"
            yield Finding(start, end, "URL", 0.9, detector, whole, view[start:end].rstrip("/"), view[start:end])

    return verify


def _iban(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """The longest leading part, cut at a separator, whose checksum holds."""
    compact = ""
    ends: list[tuple[int, str]] = []
    for place in range(start, end):
        if view[place].isalnum():
            compact += view[place].upper()
        else:
            ends.append((place, compact))
    ends.append((end, compact))
    for stop, value in reversed(ends):
        if 15 <= len(value) <= 34 and not view[stop : stop + 1].isalnum():
            valid = validators.iban(value)
            tally["iban-mod97", valid] += 1
            if valid:
                yield Finding(start, stop, "IBAN_CODE", 1.0, "iban", True, value, view[start:stop])
                return
    yield from _digits_in(view, start + 2, end, tally)


def _digits_in(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """A second look at a failed candidate: its digits may be a card or a telephone number."""
    for candidate in DIGITS.candidates(view[start:end]):
        yield from classify(view, start + candidate.start, start + candidate.end, tally)


def _ip(version: str) -> Callable[[str, int, int, Tally], Iterator[Finding]]:
    accept = validators.ipv4 if version == "ipv4" else validators.ipv6

    def verify(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
        text = view[start:end]
        if version == "ipv6" and text.endswith(":") and not text.endswith("::"):
            text = text[:-1]
        end = start + len(text)
        if not clear_of_digits(view, start, end):
            if version == "ipv4":
                yield from _digits_in(view, start, end + 24, tally)
            return
        if _is_version(view, start):
            return
        valid = accept(text)
        tally[version, valid] += 1
        if valid:
            yield Finding(start, end, "IP_ADDRESS", 0.95, version, False, text.casefold(), text)

    return verify


def _is_version(view: str, start: int) -> bool:
    words = view[max(0, start - 16) : start].casefold().rstrip(" :=").split()
    return bool(words) and words[-1].strip("(,.") in {"version", "v", "ver", "firmware", "release", "build", "section"}


def _crypto(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    valid = validators.crypto_address(view[start:end])
    tally["crypto-checksum", valid] += 1
    if valid:
        yield Finding(start, end, "CRYPTO", 0.95, "crypto-address", True, view[start:end], view[start:end])


_VERIFIERS: dict[str, Callable[[str, int, int, Tally], Iterator[Finding]]] = {
    "url_userinfo": _url("url-userinfo"),
    "url_parameter": _url("url-parameter"),
    "url_handle": _url("url-handle"),
    "email": _email,
    "email_words": _email_words,
    "crypto": _crypto,
    "ipv6": _ip("ipv6"),
    "iban": _iban,
    "ipv4": _ip("ipv4"),
}
