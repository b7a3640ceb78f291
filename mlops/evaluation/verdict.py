"""What a gate says: one line per rule and the outcome of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlops.statistics.intervals import Interval

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]
RuleOutcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "SKIPPED"]
Tier = Literal["critical", "veto", "advisory"]
_DIGITS = 6


@dataclass(frozen=True)
class MetricVerdict:
    """One rule of one metric.

    Attributes:
        id: the metric. tier: critical, veto or advisory.
        rule: floor, ceiling, or versus and the model's name.
        outcome: SKIPPED only for a comparison with a champion that is known not to exist.
        value: the candidate's mean; for a comparison its mean advantage, positive when the candidate is better.
        interval: of `value`; each end is a one-sided bound at the gate's alpha.
        n: examples. clusters: conversations.
        threshold: floor, ceiling or margin.
        discordant: pairs on which the two models differ; None for floor and ceiling.
        p_value: where a test and not the interval decides: one-sided, that the advantage exceeds the margin.
        mde: distance from the threshold that the truth needs to pass with the gate's power, at this n and spread.
        required_n: examples needed to conclude with that power if the observed value is the truth; None where no
            number would do.
        note: why it is inconclusive, or what to know about the method.
    """

    id: str
    tier: Tier
    rule: str
    outcome: RuleOutcome
    value: float | None
    interval: Interval | None
    n: int
    clusters: int
    threshold: float
    discordant: int | None = None
    p_value: float | None = None
    mde: float | None = None
    required_n: int | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; numbers rounded to 6 places so that equal inputs give equal bytes."""
        interval = self.interval
        plain = {name: _rounded(value) for name, value in vars(self).items() if name != "interval"}
        plain["interval"] = interval and {
            "low": _rounded(interval.low),
            "high": _rounded(interval.high),
            "confidence": _rounded(interval.confidence),
            "method": interval.method,
        }
        return plain


@dataclass(frozen=True)
class Verdict:
    """The gate's answer.

    Attributes:
        outcome: PASS only if every critical and veto rule passes (intersection-union, so alpha is not split).
        next_step: done (PASS), approval (INCONCLUSIVE that people may decide) or blocked.
        gate, version, gate_digest: the rules that were asked; the digest is of the section's canonical JSON.
        harness: the one fingerprint all scores share, or None where they do not.
        scores: digest of each model's scores.
        metrics: one entry per rule, in the order of the gate.
    """

    outcome: Outcome
    next_step: Literal["done", "approval", "blocked"]
    gate: str
    version: int
    alpha: float
    power: float
    gate_digest: str
    harness: str | None
    scores: dict[str, str]
    metrics: tuple[MetricVerdict, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, deterministic; the input of `mlops.artifacts.canonical_json`."""
        plain = {name: _rounded(value) for name, value in vars(self).items() if name != "metrics"}
        return {**plain, "metrics": [metric.to_json() for metric in self.metrics]}


def _rounded(value: Any) -> Any:
    # Adding zero turns -0.0 into 0.0, which JSON would keep apart.
    return round(value, _DIGITS) + 0.0 if isinstance(value, float) else value


def combine(metrics: Sequence[MetricVerdict]) -> Outcome:
    """The outcome of all rules together; advisory ones decide nothing, and nothing decided is no PASS."""
    outcomes = {metric.outcome for metric in metrics if metric.tier != "advisory"}
    if "FAIL" in outcomes:
        return "FAIL"
    return "PASS" if "PASS" in outcomes and "INCONCLUSIVE" not in outcomes else "INCONCLUSIVE"


def next_step(
    outcome: Outcome, metrics: Sequence[MetricVerdict], on_inconclusive: str
) -> Literal["done", "approval", "blocked"]:
    """Where the run goes. An inconclusive veto blocks: nobody may approve what safety rules could not show."""
    if outcome == "PASS":
        return "done"
    vetoed = any(metric.tier == "veto" and metric.outcome in ("FAIL", "INCONCLUSIVE") for metric in metrics)
    return "approval" if outcome == "INCONCLUSIVE" and on_inconclusive == "approval" and not vetoed else "blocked"
