"""Spans, findings, and the one place where overlaps are resolved."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text that holds personal data or a secret. It never holds the value.

    Attributes:
        start: first code point, counted from 0 in the text as given.
        end: one past the last code point.
        type: entity type, Presidio's name where Presidio has one.
        score: 0 to 1; 1.0 only for a value whose checksum or numbering plan was verified.
        detector: the name of the rule that found it.
    """

    start: int
    end: int
    type: str
    score: float
    detector: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A span with what masking needs: whether it was verified, and the canonical value that numbering goes by.

    Attributes:
        canonical: the value without its spelling (digits of a card, E.164 of a phone). Never shown in a repr.
        surface: the normalised text of the span. Never shown in a repr.
    """

    start: int
    end: int
    type: str
    score: float
    detector: str
    validated: bool = False
    canonical: str = field(default="", repr=False)
    surface: str = field(default="", repr=False)

    def moved(self, start: int, end: int) -> Finding:
        """The same finding at other offsets."""
        return Finding(start, end, self.type, self.score, self.detector, self.validated, self.canonical, self.surface)

    def span(self) -> Span:
        return Span(self.start, self.end, self.type, self.score, self.detector)


def _rank(finding: Finding) -> tuple[bool, int, float, int, str, str]:
    length = finding.end - finding.start
    return (not finding.validated, -length, -finding.score, finding.start, finding.type, finding.detector)


def resolve(findings: Iterable[Finding]) -> list[Finding]:
    """Keep a set of findings without overlap: validated before longest before best score. Sorted by start.

    The order of the input does not matter: every tie is broken by position, type and detector.
    """
    kept: list[Finding] = []
    starts: list[int] = []
    for finding in sorted(findings, key=_rank):
        place = bisect_left(starts, finding.start)
        free_before = place == 0 or kept[place - 1].end <= finding.start
        free_after = place == len(kept) or finding.end <= kept[place].start
        if finding.start < finding.end and free_before and free_after:
            kept.insert(place, finding)
            starts.insert(place, finding.start)
    return kept
