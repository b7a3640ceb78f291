"""Judges the scores of a candidate by the rules of a use case: PASS, FAIL or INCONCLUSIVE.

Nothing passes by absence. A missing model or metric, examples that do not match, scores of another harness, a value
that is NaN or out of range, or fewer examples than `min_n` make a rule INCONCLUSIVE before any number is compared.

All critical and veto rules must pass (intersection-union: Berger 1982, Technometrics 24), so the probability that a
candidate passes although one of its rules is truly broken stays at most alpha without splitting alpha. The price is
paid in power, and the probability that some rule FAILs by chance grows with their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlops.artifacts import canonical_json, digest_bytes
from mlops.evaluation.catalog import METRICS
from mlops.evaluation.config import GateSection, MetricRule, VersusRule
from mlops.evaluation.errors import EvaluationError
from mlops.evaluation.rules import Decided, Levels, judge_advantage, judge_threshold
from mlops.evaluation.scores import ExampleScores
from mlops.evaluation.verdict import MetricVerdict, RuleOutcome, Verdict, combine, next_step


@dataclass(frozen=True)
class _Case:
    """What every rule of one judgement looks at."""

    scores: Mapping[str, ExampleScores]
    candidate: str
    no_champion: bool
    levels: Levels


def judge(
    section: GateSection,
    scores: Mapping[str, ExampleScores],
    *,
    candidate: str = "candidate",
    no_champion: bool = False,
) -> Verdict:
    """Apply every rule of the gate.

    Args:
        section: the rules.
        scores: by model name (candidate, base, champion, random); what the rules do not ask for is ignored.
        candidate: name of the model that is judged.
        no_champion: the run's pins say that this use case has no champion yet. Rules against the champion are then
            SKIPPED and decide nothing; without it a missing champion is INCONCLUSIVE.

    Returns:
        The verdict; a function of its arguments, to the bit.

    Raises:
        EvaluationError: EVALUATION-004 when a champion is scored that is said not to exist.
    """
    if no_champion and "champion" in scores:
        raise EvaluationError(
            "EVALUATION-004",
            "expected no champion, as the pins say, found scores of one",
            where=f"gate {section.name}",
            todo="pass no_champion only when the run has no champion pinned",
        )
    case = _Case(scores, candidate, no_champion, Levels(section.alpha, section.power))
    metrics = tuple(verdict for rule in section.metrics for verdict in _judge_metric(rule, case))
    outcome = combine(metrics)
    harnesses = {scored.harness for scored in scores.values()}
    return Verdict(
        outcome=outcome,
        next_step=next_step(outcome, metrics, section.on_inconclusive),
        gate=section.name,
        version=section.version,
        alpha=section.alpha,
        power=section.power,
        gate_digest=digest_bytes(canonical_json(section.model_dump(mode="json"))),
        harness=harnesses.pop() if len(harnesses) == 1 else None,
        scores={name: scores[name].digest for name in sorted(scores)},
        metrics=metrics,
    )


def _judge_metric(rule: MetricRule, case: _Case) -> Iterator[MetricVerdict]:
    for name, threshold in (("floor", rule.floor), ("ceiling", rule.ceiling)):
        if threshold is not None:
            yield _judge_threshold(rule, name, threshold, case)
    for versus in rule.versus:
        yield _judge_versus(rule, versus, case)


def _judge_threshold(rule: MetricRule, name: str, threshold: float, case: _Case) -> MetricVerdict:
    obstacle = _obstacle(rule, case.candidate, case)
    if obstacle:
        return _undecided(rule, name, threshold, case, obstacle)
    scores = case.scores[case.candidate]
    values = scores.values(rule.id)
    assert values is not None
    decided = judge_threshold(
        values, scores.clusters, METRICS[rule.id], threshold, case.levels, exact=rule.tier == "veto"
    )
    return _verdict(rule, name, threshold, scores, decided)


def _judge_versus(rule: MetricRule, versus: VersusRule, case: _Case) -> MetricVerdict:
    name = f"versus {versus.against}"
    if versus.against == "champion" and case.no_champion:
        return _undecided(rule, name, versus.margin, case, "there is no champion yet", "SKIPPED")
    obstacle = (
        _obstacle(rule, case.candidate, case)
        or _obstacle(rule, versus.against, case)
        or _mismatch(versus.against, case)
    )
    if obstacle:
        return _undecided(rule, name, versus.margin, case, obstacle)
    scores, metric = case.scores[case.candidate], METRICS[rule.id]
    own, other = scores.values(rule.id), case.scores[versus.against].values(rule.id)
    assert own is not None
    assert other is not None
    better, worse = (own, other) if metric.direction == "higher" else (other, own)
    decided = judge_advantage(better, worse, scores.clusters, metric, versus.margin, versus.test, case.levels)
    return _verdict(rule, name, versus.margin, scores, decided)


def _obstacle(rule: MetricRule, model: str, case: _Case) -> str:
    """Why the scores of one model cannot be judged; empty when they can."""
    if model not in case.scores:
        return f"the model {model} was not scored"
    scores = case.scores[model]
    values = scores.values(rule.id)
    if values is None:
        return f"the metric was not scored for {model}"
    if scores.examples < rule.min_n:
        return f"{scores.examples} examples, {rule.min_n} needed"
    if missing := int((~np.isfinite(values)).sum()):
        return f"{missing} of {scores.examples} examples of {model} have no score"
    metric = METRICS[rule.id]
    inside = np.isin(values, (0.0, 1.0)) if metric.binary else (values >= 0) & (values <= 1)
    if metric.bounded and not inside.all():
        return f"{int((~inside).sum())} scores of {model} lie outside the metric's range"
    return ""


def _mismatch(reference: str, case: _Case) -> str:
    """Why two models cannot be paired; empty when they can."""
    own, other = case.scores[case.candidate], case.scores[reference]
    if own.harness != other.harness:
        return f"candidate and {reference} were scored under different harnesses"
    if own.ids != other.ids:
        shared = len(set(own.ids) & set(other.ids))
        return f"the examples differ: {own.examples} of the candidate, {other.examples} of {reference}, {shared} shared"
    return "" if own.clusters == other.clusters else f"the conversations of the examples differ from {reference}'s"


def _undecided(
    rule: MetricRule, name: str, threshold: float, case: _Case, note: str, outcome: RuleOutcome = "INCONCLUSIVE"
) -> MetricVerdict:
    scores = case.scores.get(case.candidate)
    examples, clusters = (scores.examples, len(set(scores.clusters))) if scores else (0, 0)
    return MetricVerdict(rule.id, rule.tier, name, outcome, None, None, examples, clusters, threshold, note=note)


def _verdict(rule: MetricRule, name: str, threshold: float, scores: ExampleScores, decided: Decided) -> MetricVerdict:
    return MetricVerdict(
        id=rule.id,
        tier=rule.tier,
        rule=name,
        outcome=decided.outcome,
        value=decided.value,
        interval=decided.interval,
        n=scores.examples,
        clusters=len(set(scores.clusters)),
        threshold=threshold,
        discordant=decided.discordant,
        p_value=decided.p_value,
        mde=decided.mde,
        required_n=decided.required_n,
        note=decided.note,
    )
