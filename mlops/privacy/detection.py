"""Find personal data and secrets in one text.

The way of a text: view (normalisation) → candidates (RE2) → verification (checksums, numbering plans, cues) → one
resolution of overlaps → offsets in the text as given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from mlops.privacy import cues, dates, emails, national_ids, persons, secrets, validators
from mlops.privacy.config import DEVICE, ENTITY_TYPES, NATIONAL
from mlops.privacy.digit_runs import Tally, classify, clear_of_digits
from mlops.privacy.normalisation import BLANK, normalise
from mlops.privacy.patterns import DIGITS, STRUCTURED, UNSPOKEN, Candidate
from mlops.privacy.questions import answered, answered_by_each
from mlops.privacy.respelling import respelled_findings
from mlops.privacy.spans import Finding, Span, resolve

# Each pass blanks what the pass before found, so that a finding that had lost to another one where they overlapped
# still has its remainder masked. Two passes settle nearly every text; the bound keeps the cost linear.
_PASSES = 4
_REACH = 64


def detect(text: str, left_out: Collection[str] = frozenset()) -> list[Span]:
    """Every span of personal data or secrets in `text`, sorted, without overlap, of all entity types.

    ``left_out``: detectors whose findings do not count (see `mlops.privacy.config.LEFT_OUT`).

    Offsets count code points of `text` itself. Placeholders such as ``<PERSON_1>`` are never found again. A text that
    holds an unpaired surrogate is read with that character replaced.
    """
    return [finding.span() for finding in find(text, left_out=left_out)]


def find(
    text: str,
    types: Collection[str] = ENTITY_TYPES,
    allow: Collection[str] = frozenset(),
    tally: Tally | None = None,
    left_out: Collection[str] = frozenset(),
) -> list[Finding]:
    """What `detect` finds, with canonical values, of the given types only.

    Args:
        text: any string.
        types: entity types to look for; other findings take no part in the resolution of overlaps.
        allow: casefolded values that are public.
        tally: where (validator, accepted) counts are added; nowhere by default.
        left_out: detectors whose findings take no part either.
    """
    return _find(text, _Search(types, allow, left_out), tally, None)


def find_each(
    texts: Sequence[str],
    types: Collection[str] = ENTITY_TYPES,
    allow: Collection[str] = frozenset(),
    tally: Tally | None = None,
    left_out: Collection[str] = frozenset(),
) -> list[list[Finding]]:
    """What `find` finds in each of the texts, in less time: all of them are asked at once what they may hold."""
    search = _Search(types, allow, left_out)
    found: list[list[Finding]] = [[] for _ in texts]
    for place, asked in answered_by_each(texts, search.questions).items():
        found[place] = _find(texts[place], search, tally, asked)
    return found


class _Search:
    """What is looked for: entity types, without allowed values and without the findings of some detectors."""

    def __init__(self, types: Collection[str], allow: Collection[str], left_out: Collection[str]) -> None:
        self.types, self.allow, self.left_out = types, allow, left_out
        self.generic = [
            (question, scanner)
            for question, kind, detector, scanner in _GENERIC
            if kind in types and detector not in left_out
        ]
        scanned = {question for question, yields, _ in _SCANNERS if not yields.isdisjoint(types)}
        self.questions = ("structured", "respelled", *sorted(scanned), *(question for question, _ in self.generic))

    def scan(self, view: str) -> list[Finding]:
        """Findings in a normalised text that is no text of its own: they count for no report."""
        return self.chosen(_scan(view, answered(view, self.questions), self.types, Counter()))

    def chosen(self, findings: Iterable[Finding]) -> list[Finding]:
        return resolve(
            finding
            for finding in findings
            if finding.type in self.types
            and finding.detector not in self.left_out
            and finding.surface.casefold() not in self.allow
        )


def _find(text: str, search: _Search, tally: Tally | None, asked: Collection[str] | None) -> list[Finding]:
    """``asked``: the questions that the text may answer with yes; None where nobody has asked it yet."""
    view = normalise(text)
    counts: Tally = Counter() if tally is None else tally
    work, found = view.text, []
    for _ in range(_PASSES):
        asked = answered(work, search.questions) if asked is None else asked
        chosen = search.chosen(_scan(work, asked, search.types, counts))
        if "respelled" in asked:
            chosen = search.chosen([*chosen, *respelled_findings(work, chosen, search.scan)])
        if not chosen:
            break
        found.extend(chosen)
        work = _blank(work, chosen)
        counts = Counter()
        asked = None
    if search.generic:
        # Looked for in what is left, so that it never hides anything else.
        asked = answered(work, search.questions) if asked is None else asked
        found += search.chosen(
            finding for question, scanner in search.generic if question in asked for finding in scanner(work)
        )
    if not found:
        return []
    # Pieces that fold to several characters can map neighbours in the view onto one source character.
    return resolve(finding.moved(*view.source(finding.start, finding.end)) for finding in found)


def _blank(view: str, findings: Iterable[Finding]) -> str:
    parts, cursor = [], 0
    for finding in findings:
        parts += [view[cursor : finding.start], BLANK * (finding.end - finding.start)]
        cursor = finding.end
    return "".join([*parts, view[cursor:]])


_Scanner = Callable[[str], list[Finding]]
# Question → what is looked for where it is answered with yes, and which entity types that can be.
_SCANNERS: tuple[tuple[str, frozenset[str], _Scanner], ...] = (
    ("cued", frozenset({"SECRET"}), secrets.vendor_findings),
    ("cued", frozenset({"SECRET"}), secrets.cued_findings),
    ("streets", frozenset({"LOCATION"}), cues.street_findings),
    ("cued", frozenset({"LOCATION", "ACCOUNT_NUMBER", "DATE_TIME"}), cues.cued_findings),
    ("identifiers", NATIONAL | DEVICE | {"ACCOUNT_NUMBER", "BIC"}, national_ids.identifier_findings),
    ("persons", frozenset({"PERSON"}), persons.person_findings),
)

# The same for what is only looked for where nothing else was found: question, entity type, detector.
_GENERIC: tuple[tuple[str, str, str, _Scanner], ...] = (
    ("urls", "URL", "url", dates.url_findings),
    ("dates", "DATE_TIME", "date", dates.date_findings),
)


def _scan(view: str, asked: Collection[str], types: Collection[str], tally: Tally) -> Iterator[Finding]:
    if "structured" in asked:
        yield from _structured(view, tally)
    for question, yields, scanner in _SCANNERS:
        if question in asked and not yields.isdisjoint(types):
            yield from scanner(view)


def _structured(view: str, tally: Tally) -> Iterator[Finding]:
    for candidate in STRUCTURED.candidates(view):
        found = list(_verified(view, candidate, tally))
        yield from found
        if candidate.branch == "email_spoken" and not found:
            # Half a sentence was taken for an address; what stands in it, or begins in it, was not looked at.
            for inner in UNSPOKEN.within(view, candidate.start, candidate.end + _REACH):
                yield from _verified(view, inner, tally)


def _verified(view: str, candidate: Candidate, tally: Tally) -> Iterator[Finding]:
    branch, start, end = candidate
    verify = classify if branch == "digits" else _VERIFIERS[branch]
    return verify(view, start, end, tally)


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
        if not clear_of_digits(view, start, end) or text.count(".") > 3:
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
    "email": emails.email,
    "email_words": emails.in_words,
    "email_spoken": emails.spoken,
    "crypto": _crypto,
    "ipv6": _ip("ipv6"),
    "iban": _iban,
    "ipv4": _ip("ipv4"),
}
