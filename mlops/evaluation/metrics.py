"""From answers to scores per example, and from scores to one figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops.evaluation.catalog import METRICS, Metric, Task, metrics_of
from mlops.evaluation.errors import EvaluationError
from mlops.evaluation.scores import ExampleScores
from mlops.evaluation.ticket import score_ticket
from mlops.statistics.intervals import Interval, clopper_pearson, wilson
from mlops.statistics.resampling import bootstrap_bounded_mean, bootstrap_mean
from mlops.statistics.samples import effective_size

Detector = Callable[[str], Sequence[Any]]
MINIMUM_CLUSTERS = 20  # with fewer, a bootstrap of clusters is far too narrow


@dataclass(frozen=True)
class Example:
    """One row to score: `prompt` is every message before the target, `target` the last assistant message."""

    record_id: str
    conversation_id: str
    prompt: tuple[Mapping[str, str], ...]
    target: str


def score(
    task: Task,
    examples: Sequence[Example],
    answers: Sequence[str | float],
    *,
    detector: Detector | None = None,
) -> pa.Table:
    """Score one model's answers.

    Args:
        task: decides what an answer is: the generated text, or the negative log-likelihood of the target in nats per
            token.
        examples: n rows.
        answers: n answers in the same order.
        detector: finds personal data in a text; without one the metric `pii_leak` is absent, not zero.

    Returns:
        n rows: record_id, conversation_id, prediction (null for `reply_nll`), one float64 column per metric.

    Raises:
        EvaluationError: EVALUATION-002 when the answers do not fit the examples or the task.
    """
    kind = str if task == "ticket_json" else (float, int, np.floating)
    if len(answers) != len(examples) or not all(isinstance(answer, kind) for answer in answers):
        raise EvaluationError(
            "EVALUATION-002",
            f"expected {len(examples)} answers of the kind that {task} needs, found {len(answers)} or another kind",
            todo="return one text (ticket_json) or one number (reply_nll) for each example",
        )
    rows = [_score_one(task, example, answer, detector) for example, answer in zip(examples, answers, strict=True)]
    columns = {
        "record_id": pa.array([example.record_id for example in examples], pa.string()),
        "conversation_id": pa.array([example.conversation_id for example in examples], pa.string()),
        "prediction": pa.array([answer if isinstance(answer, str) else None for answer in answers], pa.string()),
    }
    scored = [name for name in metrics_of(task) if name != "pii_leak" or detector is not None]
    return pa.table({**columns, **{name: pa.array([row[name] for row in rows], pa.float64()) for name in scored}})


def _score_one(task: Task, example: Example, answer: str | float, detector: Detector | None) -> Mapping[str, float]:
    if task == "reply_nll":
        value = float(answer)
        return {"nll_per_token": value if math.isfinite(value) else float("nan")}
    scores = dict(score_ticket(str(answer), example.target))
    if detector is not None:
        scores["pii_leak"] = float(len(detector(str(answer))) > 0)
    return scores


def interval_of_mean(
    values: NDArray[np.float64], clusters: Sequence[str], metric: Metric, alpha: float, *, exact: bool = False
) -> Interval | None:
    """The interval whose ends are one-sided bounds at level `alpha` each (two-sided confidence 1 - 2 * alpha).

    Proportions: Wilson, or Clopper-Pearson where `exact`, on the effective counts under clustering. Other means:
    :func:`interval_by_resampling`.
    """
    confidence = 1 - 2 * alpha
    if metric.binary:
        effective = effective_size(values, clusters, confidence)
        method = clopper_pearson if exact else wilson
        return method(float(values.mean()) * effective, effective, confidence)
    return interval_by_resampling(values, clusters, (0.0, 1.0) if metric.bounded else None, confidence)


def interval_by_resampling(
    values: NDArray[np.float64], clusters: Sequence[str], bounds: tuple[float, float] | None, confidence: float
) -> Interval | None:
    """The BCa bootstrap interval of a mean over whole clusters, with the adjustment for bounded values.

    Returns:
        None where no honest interval exists: fewer than `MINIMUM_CLUSTERS` clusters, or unbounded values whose cluster
        means are all equal (a spread that was never seen; most often the same scores given twice).
    """
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    means = np.bincount(codes, weights=values) / np.bincount(codes)
    if means.size < MINIMUM_CLUSTERS:
        return None
    if bounds is not None:
        return bootstrap_bounded_mean(values, *bounds, clusters, confidence)
    varies = np.ptp(means) > 1e-12 * max(1.0, float(np.abs(means).max()))
    return bootstrap_mean(values, clusters, confidence) if varies else None


@dataclass(frozen=True)
class Figure:
    """One metric of one model. `value` and the interval's ends are None where an example has no score."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    examples: int
    missing: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, numbers rounded to 6 places."""
        rounded = {name: None if x is None else round(x, 6) for name, x in vars(self).items() if isinstance(x, float)}
        return {**vars(self), **rounded}


def aggregate(scores: ExampleScores, alpha: float = 0.05) -> tuple[Figure, ...]:
    """Every metric of one model with its interval; a metric with a missing score has no value, and says how many."""
    figures = []
    for name in scores.metrics:
        values = scores.values(name)
        assert values is not None
        missing = int((~np.isfinite(values)).sum())
        if missing or values.size == 0:
            figures.append(Figure(name, None, None, None, values.size, missing))
            continue
        interval = interval_of_mean(values, scores.clusters, METRICS[name], alpha)
        low, high = (interval.low, interval.high) if interval else (None, None)
        figures.append(Figure(name, float(values.mean()), low, high, values.size, 0))
    return tuple(figures)
