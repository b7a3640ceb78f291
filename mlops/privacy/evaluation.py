"""How well detection does on texts whose personal data somebody has labelled: recall, precision, false alarms.

Pure counting over spans: any detector can be judged by it, ours and others'.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from mlops.statistics.intervals import wilson
from mlops.statistics.samples import normal_quantile

# The share of a labelled span's characters that has to be covered for the span to count as found.
RECALL_OVERLAP = 0.8
# The share of a found span's characters that has to lie in labelled ones for the finding to count as right.
PRECISION_OVERLAP = 0.5
CONFIDENCE = 0.95

Measure = Literal["recall", "precision"]
Answer = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class Place(Protocol):
    """A span of a type: code points `start` (counted from 0) to one before `end`. Spans and findings are places."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def type(self) -> str: ...


class Label(NamedTuple):
    """A span that a person labelled."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and everything that is labelled in it; an empty tuple says that there is nothing to find."""

    text: str = field(repr=False)
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`, with its Wilson interval at 95 %. Without trials, nothing is known: no value, interval 0 to 1."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        found = wilson(self.hits, self.n, CONFIDENCE)
        return found.low, found.high

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {"hits": self.hits, "n": self.n, "value": self.value, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class TypeScore:
    """One entity type.

    Attributes:
        recall: labelled spans of which at least 80 % of the characters are covered by findings of the same type.
        covered: the same, findings of any type counted: what masking takes away, under whatever name.
        precision: findings of which at least half of the characters lie in labels of the same type.
    """

    recall: Share
    covered: Share
    precision: Share

    def to_json(self) -> dict[str, Any]:
        return {measure: getattr(self, measure).to_json() for measure in ("recall", "covered", "precision")}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was counted; it holds no text.

    Attributes:
        documents: labelled texts.
        types: score by entity type, for every type that was labelled or found.
        false_alarms: documents without any label in which something was found, of all documents without any label.
        false_alarm_types: in how many of these documents each type was found.
    """

    documents: int
    types: Mapping[str, TypeScore]
    false_alarms: Share
    false_alarm_types: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "documents": self.documents,
            "confidence": CONFIDENCE,
            "types": {name: score.to_json() for name, score in self.types.items()},
            "false_alarms": {**self.false_alarms.to_json(), "by_type": dict(self.false_alarm_types)},
        }


def evaluate(rows: Iterable[tuple[Sequence[Place], Sequence[Place]]], only: Collection[str] = ()) -> Evaluation:
    """Count over pairs of (labels, findings), one pair a document.

    Args:
        rows: findings of one document may not overlap each other where precision is to mean anything; labels may.
        only: the types that the sample labels, where it does not label all: labels and findings of other types are
            then left out, except that findings of any type cover. All types by default.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    clean: Counter[bool] = Counter()
    alarms: Counter[str] = Counter()
    documents = 0
    for labels, findings in rows:
        documents += 1
        wanted = [label for label in labels if not only or label.type in only]
        judged = [finding for finding in findings if not only or finding.type in only]
        if not labels:
            clean[bool(judged)] += 1
            alarms.update({finding.type for finding in judged})
        anywhere = _merged(findings)
        for label in wanted:
            own = _merged(finding for finding in findings if finding.type == label.type)
            counts[label.type]["labels"] += 1
            counts[label.type]["recalled"] += _inside(label, own) >= RECALL_OVERLAP * (label.end - label.start)
            counts[label.type]["covered"] += _inside(label, anywhere) >= RECALL_OVERLAP * (label.end - label.start)
        for finding in judged:
            own = _merged(label for label in labels if label.type == finding.type)
            counts[finding.type]["findings"] += 1
            counts[finding.type]["right"] += _inside(finding, own) >= PRECISION_OVERLAP * (finding.end - finding.start)
    return Evaluation(
        documents,
        {name: _score(counts[name]) for name in sorted(counts)},
        Share(clean[True], clean.total()),
        dict(sorted(alarms.items())),
    )


def _score(count: Counter[str]) -> TypeScore:
    return TypeScore(
        recall=Share(count["recalled"], count["labels"]),
        covered=Share(count["covered"], count["labels"]),
        precision=Share(count["right"], count["findings"]),
    )


def _merged(places: Iterable[Place]) -> list[tuple[int, int]]:
    """The same characters as stretches that neither overlap nor touch."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((place.start, place.end) for place in places):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _inside(place: Place, stretches: Iterable[tuple[int, int]]) -> int:
    """How many characters of `place` lie in the stretches."""
    return sum(max(0, min(place.end, high) - max(place.start, low)) for low, high in stretches)


@dataclass(frozen=True, slots=True)
class Minimum:
    """What the recall or the precision of a type has to reach: `least`, above 0 and below 1."""

    measure: Measure
    type: str
    least: float

    @property
    def least_n(self) -> int:
        """How many spans it takes to prove it where none is missed: below that number no sample can pass."""
        z = normal_quantile(1 - (1 - CONFIDENCE) / 2)
        return math.ceil(z * z * self.least / (1 - self.least))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of one gate, with what it was judged on."""

    minimum: Minimum
    share: Share
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        gate = {"measure": self.minimum.measure, "type": self.minimum.type, "least": self.minimum.least}
        return {**gate, **self.share.to_json(), "least_n": self.minimum.least_n, "answer": self.answer}


def judge(evaluation: Evaluation, minima: Iterable[Minimum]) -> list[Verdict]:
    """PASS where the whole interval reaches the minimum, FAIL where none of it does, INCONCLUSIVE between.

    So the lower end decides whether a gate is passed: a sample that is too small to prove the minimum does not pass,
    and a type without any labelled (or found) span is INCONCLUSIVE.
    """
    return [_verdict(evaluation, minimum) for minimum in minima]


def _verdict(evaluation: Evaluation, minimum: Minimum) -> Verdict:
    score = evaluation.types.get(minimum.type)
    share: Share = getattr(score, minimum.measure) if score is not None else Share(0, 0)
    low, high = share.interval
    if low >= minimum.least:
        return Verdict(minimum, share, "PASS")
    return Verdict(minimum, share, "FAIL" if high < minimum.least else "INCONCLUSIVE")
