"""What a gate will be able to see, computed before anything is trained or scored."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops.evaluation.catalog import METRICS
from mlops.evaluation.config import GateSection, MetricRule, VersusRule
from mlops.statistics.power import floor_mde, minimum_detectable_effect, non_inferiority_n, zero_event_n
from mlops.statistics.samples import check_level


@dataclass(frozen=True)
class Planned:
    """One rule at a planned number of examples.

    Attributes:
        id, rule, threshold: as in :class:`mlops.evaluation.verdict.MetricVerdict`.
        detectable: how far on the good side of the threshold the truth must lie to pass with the gate's power; None
            where even a perfect candidate would not pass, or the spread of the metric is unknown beforehand.
        required_n: for a loss that is still accepted, pairs needed to pass a candidate that lost nothing; for a veto
            ceiling, examples needed without a single event; otherwise None.
        note: what to know; empty where nothing is amiss.
    """

    id: str
    rule: str
    threshold: float
    detectable: float | None
    required_n: int | None
    note: str = ""


def plan(section: GateSection, examples: int, *, discordance: float = 0.10) -> tuple[Planned, ...]:
    """What each rule can show with `examples` independent examples.

    Args:
        section: the gate.
        examples: at least 1; conversations that repeat are worth fewer than their number.
        discordance: assumed share of examples on which two models differ, in (0, 1).

    Raises:
        StatisticsError: a level out of range.
    """
    check_level("discordance", discordance)
    planned = []
    for rule in section.metrics:
        if rule.floor is not None or rule.ceiling is not None:
            planned.append(_threshold(rule, section, examples))
        planned += [_versus(rule, versus, section, examples, discordance) for versus in rule.versus]
    return tuple(planned)


def _threshold(rule: MetricRule, section: GateSection, examples: int) -> Planned:
    name, threshold = ("ceiling", rule.ceiling) if rule.floor is None else ("floor", rule.floor)
    assert threshold is not None
    if not METRICS[rule.id].binary:
        return Planned(rule.id, name, threshold, None, None, "depends on the spread, known after a first run")
    detectable = floor_mde(examples, threshold if name == "floor" else 1 - threshold, section.alpha, section.power)
    needed = zero_event_n(threshold, section.alpha) if rule.tier == "veto" and name == "ceiling" else None
    note = ""
    if examples < max(needed or 0, rule.min_n):
        note = f"cannot pass: {examples} examples, {max(needed or 0, rule.min_n)} needed"
    elif detectable is None and needed is None:
        note = "cannot pass with the stated power: even a perfect candidate is too close to the threshold"
    return Planned(rule.id, name, threshold, detectable, needed, note)


def _versus(rule: MetricRule, versus: VersusRule, section: GateSection, examples: int, discordance: float) -> Planned:
    name = f"versus {versus.against}"
    if not METRICS[rule.id].binary:
        return Planned(rule.id, name, versus.margin, None, None, "depends on the spread, known after a first run")
    error = math.sqrt(discordance / examples)
    detectable = minimum_detectable_effect(error, section.alpha, section.power)
    needed = None
    note = ""
    if versus.margin < 0:
        needed = non_inferiority_n(versus.margin, discordance, section.alpha, section.power)
        if needed is None or needed > examples:
            note = f"a candidate that lost nothing is likely inconclusive: {examples} examples, {needed} needed"
    return Planned(rule.id, name, versus.margin, detectable, needed, note)
