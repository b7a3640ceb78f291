"""The sections ``evaluation`` and ``gates`` of a use-case file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from mlops.evaluation.catalog import METRICS, Direction, Metric, Task, metrics_of
from mlops.section import Section

Reference = Literal["base", "champion", "random"]
PairedTest = Literal["paired", "mcnemar", "paired_bootstrap", "sign_flip"]


class EvaluationSection(Section):
    """How models are scored: one harness for the candidate and everything it is compared with."""

    task: Task = Field(
        description="ticket_json: generate, parse the first line as the ticket; reply_nll: likelihood of the reply"
    )
    split: Literal["test"] = Field(default="test", description="the split that is scored; training never sees it")
    max_new_tokens: int = Field(default=160, ge=1, le=4096, description="tokens generated per answer at most")
    batch_size: int = Field(default=16, ge=1, le=1024, description="examples per batch; part of the fingerprint")
    max_examples: int = Field(
        default=2_000, ge=1, description="examples scored at most, drawn by a hash of seed and record id"
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="of the draw of examples")
    compare_with: tuple[Reference, ...] = Field(
        default=("base", "champion"), description="models scored beside the candidate: base, champion, random"
    )

    @field_validator("compare_with")
    @classmethod
    def _each_once(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(models)) != len(models):
            raise ValueError("expected different models, found one twice")
        return models


class VersusRule(Section):
    """The candidate against another model on the same examples.

    The advantage is candidate minus reference where higher is better, reference minus candidate where lower is: a
    positive advantage is always the candidate's.
    """

    against: Reference = Field(description="base (before fine-tuning), champion (now serving) or random (untrained)")
    margin: float = Field(
        default=0.0,
        description="least advantage; negative: the loss still accepted (non-inferiority), positive: the gain required",
    )
    test: PairedTest = Field(
        default="paired",
        description="paired: interval of paired proportions; mcnemar: exact or mid-p test, margin 0 only; "
        "paired_bootstrap: BCa interval of a mean; sign_flip: randomisation test of a mean, margin 0 only",
    )

    @model_validator(mode="after")
    def _margin_fits(self) -> VersusRule:
        if self.test in ("mcnemar", "sign_flip") and self.margin != 0:
            raise ValueError(f"{self.test} tests a margin of 0; for another use paired or paired_bootstrap")
        return self


class MetricRule(Section):
    """What one metric must show."""

    id: str = Field(description="metric id, e.g. ticket_exact_match")
    tier: Literal["critical", "veto", "advisory"] = Field(
        default="critical",
        description="critical: must pass; veto: must pass by an exact bound and no approval can replace it; "
        "advisory: reported, decides nothing",
    )
    direction: Direction | None = Field(default=None, description="higher or lower is better; null: as the metric has")
    floor: float | None = Field(default=None, description="the whole interval must lie at or above it")
    ceiling: float | None = Field(default=None, description="the whole interval must lie at or below it")
    versus: tuple[VersusRule, ...] = Field(default=(), description="comparisons with other models, each must pass")
    min_n: int = Field(default=200, ge=1, description="with fewer examples the metric is inconclusive")

    @model_validator(mode="after")
    def _rules_make_sense(self) -> MetricRule:
        metric = METRICS.get(self.id)
        if metric is None:
            raise ValueError(f"unknown metric {self.id}; known: {', '.join(METRICS)}")
        if self.direction not in (None, metric.direction):
            raise ValueError(f"{self.id} is better {metric.direction}; correct or remove its direction")
        if self.floor is None and self.ceiling is None and not self.versus:
            raise ValueError(f"{self.id} has no rule; give it a floor, a ceiling or a versus")
        self._threshold_fits(metric)
        self._comparisons_fit(metric)
        return self

    def _threshold_fits(self, metric: Metric) -> None:
        wrong, right = ("ceiling", "floor") if metric.direction == "higher" else ("floor", "ceiling")
        if getattr(self, wrong) is not None:
            raise ValueError(f"{self.id} is better {metric.direction}: use a {right}, not a {wrong}")
        if metric.bounded and self.floor is not None and not 0 < self.floor < 1:
            raise ValueError(f"the floor of {self.id} must lie between 0 and 1: 0 passes anything, 1 is out of reach")
        if metric.bounded and self.ceiling is not None and not 0 < self.ceiling < 1:
            raise ValueError(f"the ceiling of {self.id} must lie between 0 and 1: 1 passes anything, 0 is out of reach")

    def _comparisons_fit(self, metric: Metric) -> None:
        models = [rule.against for rule in self.versus]
        if len(set(models)) != len(models):
            raise ValueError(f"{self.id} is compared twice with the same model; keep one rule for each")
        for rule in self.versus:
            if rule.test in ("paired", "mcnemar") and not metric.binary:
                raise ValueError(f"{self.id} does not count 0 or 1: use paired_bootstrap or sign_flip, not {rule.test}")
            if metric.bounded and not -1 < rule.margin < 1:
                raise ValueError(f"the margin of {self.id} must lie between -1 and 1")


class GateSection(Section):
    """What the figures must show before a candidate may become a release."""

    name: str = Field(min_length=1, max_length=128, description="name of the gate, in reports and the dossier")
    version: int = Field(default=1, ge=1, description="raise it with every change of a rule")
    alpha: float = Field(
        default=0.05, gt=0, lt=0.5, description="one-sided error probability of each rule, not split between rules"
    )
    power: float = Field(default=0.8, gt=0.5, lt=1, description="power for detectable effects and required examples")
    metrics: tuple[MetricRule, ...] = Field(min_length=1, description="rules per metric")
    on_inconclusive: Literal["approval", "block"] = Field(
        default="block", description="whether an inconclusive verdict goes to people or blocks"
    )

    @model_validator(mode="after")
    def _can_decide(self) -> GateSection:
        ids = [rule.id for rule in self.metrics]
        if len(set(ids)) != len(ids):
            raise ValueError("a metric is listed twice; put its rules into one entry")
        if all(rule.tier == "advisory" for rule in self.metrics):
            raise ValueError("every metric is advisory, so nothing could pass; make one critical or veto")
        return self


def mismatches(evaluation: EvaluationSection, gate: GateSection) -> tuple[str, ...]:
    """What the gate asks that the evaluation will never answer, one sentence each; empty when they fit.

    Such a gate would load and then be inconclusive for ever, so the use case is refused at the edge.
    """
    found = []
    known = metrics_of(evaluation.task)
    for rule in gate.metrics:
        if rule.id not in known:
            found.append(f"the task {evaluation.task} has no metric {rule.id}; it has: {', '.join(known)}")
        if rule.min_n > evaluation.max_examples:
            found.append(f"{rule.id} needs {rule.min_n} examples, max_examples allows {evaluation.max_examples}")
        found += [
            f"{rule.id} is compared with {versus.against}, which compare_with does not name"
            for versus in rule.versus
            if versus.against not in evaluation.compare_with
        ]
    return tuple(found)
