"""Values that are written apart: digits spaced out, and line breaks where a mail program wrapped a value.

The text is read once more with the gaps closed. Only findings that reach across a gap count, and only where the
usual reading found nothing better, so that two values on two lines are not taken for one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mlops.privacy.normalisation import View, replaced
from mlops.privacy.patterns import Alternation
from mlops.privacy.spans import Finding

DIGITS = Alternation({"digits": r"(?P<digits>[0-9](?: {1,2}[0-9]){2,})"})
CHARACTERS = Alternation({"characters": r"(?P<characters>[^\s\x{E000}](?: {1,2}[^\s\x{E000}]){7,})"})
_GAP = r"(?: ?[\-()/] ?|[. ]){0,1}"
LETTERS = Alternation(
    {
        "letters": (
            rf"(?P<letters>[0-9]{_GAP}[OolIS](?:{_GAP}[0-9OolIS]){{2,}}"
            rf"|\b(?:[A-Z]{{2}})?[OolIS](?:{_GAP}[OolIS]){{0,6}}{_GAP}[0-9](?:{_GAP}[0-9OolIS]){{2,}})"
        )
    }
)
WRAPPED = Alternation(
    {
        "wrapped": (
            r"(?P<wrapped>[0-9A-Z][\-./:) ]{0,2}\r?\n[ \t]{0,4}[(+.\-/:]?[0-9A-Z]"
            r"|@[A-Za-z0-9.\-]{0,60}\r?\n[A-Za-z0-9.]|[A-Za-z0-9._+\-]\r?\n[A-Za-z0-9._+\-]{0,40}@"
            r"|[A-Za-z0-9_\-]{6}\r?\n[A-Za-z0-9_\-]{6})"
        )
    }
)
# Each is looked for by itself: a place may be written apart in more than one way.
RESPELLED = (DIGITS, CHARACTERS, LETTERS, WRAPPED)
_SPACED_DIGIT = re.compile(r"(?<![0-9])[0-9]( {1,2})(?=[0-9](?![0-9]))")
_SPACED_RUN = re.compile(r"(?<![A-Za-z0-9])\S(?: {1,2}\S){7,}(?![A-Za-z0-9])")
_LONE_WORD = re.compile(r"^(?:[aAiIyYoOeE] {1,2})+(?=[0-9+(])|(?<=[0-9])(?: {1,2}[aAiIyYoOeE])+$")
# A whole number, free of other words, or behind a country's two letters.
_LETTERED_RUN = re.compile(
    rf"(?:(?<![A-Za-z0-9])|(?<=\b[A-Z]{{2}}))[+(]?[0-9OolIS](?:{_GAP}[0-9OolIS]){{6,}}(?![A-Za-z0-9])"
)
_LONE_LETTER = re.compile(r" [OolIS]$")
_DIGITS = {"O": "0", "o": "0", "l": "1", "I": "1", "S": "5"}
_SPACES = re.compile(r" +")
_BREAK = re.compile(r"(?<=[0-9A-Za-z_@.\-/:=)])[ \t]{0,2}\r?\n[ \t]{0,4}(?=[0-9A-Za-z_@.\-/+(:])")
# How much a checksum says: mod 97 with a length per country, Luhn with issuers; any other counts as nothing.
_WEIGHT = {"IBAN_CODE": 2, "CREDIT_CARD": 1}
_WRITTEN_IN_WORDS = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "URL"})
_TOP_LEVEL = re.compile(r"\.(?:com|org|net|edu|gov|info|biz|io|[a-z]{2})$")
# A piece of an address on the line before: it has an inner mark as words at the end of a line do not, or a label.
_LEADING_PIECE = re.compile(
    r"[A-Za-z0-9]+[._+][A-Za-z0-9]+$|[A-Za-z]+[0-9]+$|[a-z][A-Z][A-Za-z]*$"
    r"|(?i:\be-?mail(?: address)?(?::| is)|\bmailto:)\s{0,3}[A-Za-z0-9._+\-]+$"
)


class Respelling(NamedTuple):
    """The text read in another way: its view, where gaps were closed, and whether it was spaced out."""

    view: View
    gaps: list[int]
    spaced: bool


def respelled_findings(text: str, known: Sequence[Finding], scan: Callable[[str], list[Finding]]) -> list[Finding]:
    """Findings of other readings of a normalised text, at offsets of that text.

    Args:
        text: the normalised text.
        known: what the usual reading found, sorted, without overlap.
        scan: what finds values in a text.
    """
    found = []
    starts, ends = [one.start for one in known], [one.end for one in known]
    for respelling in _respellings(text):
        for finding in scan(respelling.view.text):
            moved = finding.moved(*respelling.view.source(finding.start, finding.end))
            if moved.type not in _WRITTEN_IN_WORDS and _reaches_across(moved, respelling.gaps):
                over = known[bisect_right(ends, moved.start) : bisect_left(starts, moved.end)]
                if _better(text, moved, over, respelling.spaced):
                    found.append(moved)
    return found


def _respellings(text: str) -> Iterator[Respelling]:
    digits, characters, letters, wrapped = (next(one.candidates(text), None) is not None for one in RESPELLED)
    if digits:
        yield _without(text, [match.span(1) for match in _SPACED_DIGIT.finditer(text)])
    if characters or digits:
        yield _without(text, list(_spaces_of_runs(text)))
    if letters:
        places = list(_letters_for_digits(text))
        yield Respelling(replaced(text, places), [start for start, *_ in places], False)
    if wrapped:
        breaks = [match.span() for match in _BREAK.finditer(text)]
        for joint in ("", " "):
            closed = replaced(text, [(*place, joint) for place in breaks])
            yield Respelling(closed, [start for start, _ in breaks], False)


def _without(text: str, spans: list[tuple[int, int]]) -> Respelling:
    return Respelling(replaced(text, [(*span, "") for span in spans]), [start for start, _ in spans], True)


def _spaces_of_runs(text: str) -> Iterator[tuple[int, int]]:
    """Spaces inside runs of single characters, without a lone word ("a", "I") before or after the value."""
    for run in _SPACED_RUN.finditer(text):
        start, end = run.span()
        for lone in _LONE_WORD.finditer(run.group()):
            start, end = (start + lone.end(), end) if lone.start() == 0 else (start, run.start() + lone.start())
        yield from (space.span() for space in _SPACES.finditer(text, start, end))


def _letters_for_digits(text: str) -> Iterator[tuple[int, int, str]]:
    """Letters that stand for digits in a number: O, l, I and S among real digits."""
    for run in _LETTERED_RUN.finditer(text):
        first = run.group().split(" ")[0]
        announced = first[0] in "+(" or text[run.start() - 1 : run.start()].isalpha()
        if sum(map(str.isdigit, run.group())) < 2 or not (announced or any(map(str.isdigit, first)) or "-" in first):
            continue
        for place, letter in enumerate(_LONE_LETTER.sub("", run.group()), run.start()):
            if letter in _DIGITS:
                yield place, place + 1, _DIGITS[letter]


def _reaches_across(finding: Finding, gaps: list[int]) -> bool:
    place = bisect_left(gaps, finding.start)
    return place < len(gaps) and gaps[place] < finding.end


def _better(text: str, finding: Finding, over: Sequence[Finding], spaced: bool) -> bool:
    """Whether a finding of another reading may take the place of the findings that it overlaps."""
    inside = all(finding.start <= one.start and one.end <= finding.end for one in over)
    if any(one.validated for one in over):
        # A stronger checksum over the whole outweighs a weaker one over a part.
        return (
            inside
            and finding.validated
            and all(_WEIGHT.get(finding.type, 0) > _WEIGHT.get(one.type, 0) for one in over)
        )
    if finding.validated:
        return True
    if not over:
        return spaced or finding.score >= 0.9 or finding.type == "CREDIT_CARD"
    if not inside:
        return False
    if spaced or finding.type != over[0].type or len(over) > 1:
        return spaced
    if finding.type == "EMAIL_ADDRESS":
        return _is_wrapped_address(text, finding, over[0])
    return finding.type == "PHONE_NUMBER" and _is_wrapped_number(text, finding, over[0])


def _is_wrapped_address(text: str, finding: Finding, part: Finding) -> bool:
    """Whether the line before or after an address that was found belongs to it."""
    if finding.start < part.start:
        return _LEADING_PIECE.search(text[max(0, finding.start - 24) : part.start].rstrip()) is not None
    inner, full = text[part.start : part.end], text[finding.start : finding.end]
    return _TOP_LEVEL.search(inner) is None and _TOP_LEVEL.search(full) is not None


def _is_wrapped_number(text: str, finding: Finding, part: Finding) -> bool:
    """Whether a telephone number was cut short by the line break: too short, or in no numbering plan."""
    digits, of_part = (sum(map(str.isdigit, one.surface)) for one in (finding, part))
    before = text[finding.start : part.start].rstrip()
    if digits > 13 or (before and before[0] not in "+(" and before[-1] not in "-./)"):
        # A number on the line before, such as a postcode, is none of it.
        return False
    return (finding.score >= 0.9 and of_part <= 8) or (part.score < 0.9 and of_part < 11)
