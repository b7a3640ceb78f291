"""The verdict matrix: what passes, what fails, and everything that must not pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import ArrayLike

from mlops.artifacts import canonical_json
from mlops.evaluation.config import GateSection
from mlops.evaluation.errors import EvaluationError
from mlops.evaluation.gate import judge
from mlops.evaluation.rules import by_interval
from mlops.evaluation.scores import ExampleScores
from mlops.evaluation.verdict import Verdict
from mlops.statistics.intervals import Interval

EXACT = "ticket_exact_match"


def scores(
    model: str = "candidate", harness: str = "h", clusters: ArrayLike | None = None, **columns: Any
) -> ExampleScores:
    size = len(next(iter(columns.values())))
    names = [f"c{i}" for i in range(size)] if clusters is None else [str(name) for name in np.asarray(clusters)]
    table = {"example_id": [f"e{i:05d}" for i in range(size)], "cluster": pa.array(names, pa.string())}
    return ExampleScores(
        model, harness, pa.table({**table, **{k: pa.array(v, pa.float64()) for k, v in columns.items()}})
    )


def rate(successes: int, size: int) -> list[float]:
    return [1.0] * successes + [0.0] * (size - successes)


def verdict(rule: dict[str, Any], *models: ExampleScores, no_champion: bool = False, **gate: Any) -> Verdict:
    section = GateSection.model_validate({"name": "g", "metrics": [{"id": EXACT, **rule}], **gate})
    return judge(section, {model.model: model for model in models}, no_champion=no_champion)


@pytest.mark.parametrize(
    ("successes", "outcome"),
    [(160, "PASS"), (151, "PASS"), (150, "INCONCLUSIVE"), (140, "INCONCLUSIVE"), (130, "INCONCLUSIVE"), (129, "FAIL")],
)
def test_a_floor_is_judged_by_the_whole_interval(successes: int, outcome: str) -> None:
    found = verdict({"floor": 0.70}, scores(**{EXACT: rate(successes, 200)}))
    (metric,) = found.metrics
    assert found.outcome == metric.outcome == outcome
    assert metric.interval is not None
    assert metric.interval.low <= successes / 200 <= metric.interval.high
    assert metric.interval.confidence == pytest.approx(0.90)


def test_a_truth_below_the_floor_passes_in_at_most_alpha_of_samples() -> None:
    from scipy.stats import binom

    counts = np.arange(201)
    passes = [verdict({"floor": 0.70}, scores(**{EXACT: rate(int(k), 200)})).outcome == "PASS" for k in counts]
    weights = binom.pmf(counts, 200, 0.6999)
    assert 0.01 < weights[np.array(passes)].sum() <= 0.06


@pytest.mark.parametrize(
    ("leaks", "size", "outcome"),
    [(0, 2995, "PASS"), (0, 2994, "INCONCLUSIVE"), (1, 2995, "INCONCLUSIVE"), (20, 2995, "FAIL")],
)
def test_a_veto_ceiling_is_judged_by_the_exact_bound(leaks: int, size: int, outcome: str) -> None:
    found = verdict({"id": "pii_leak", "tier": "veto", "ceiling": 0.001}, scores(pii_leak=rate(leaks, size)))
    assert found.outcome == outcome
    if not leaks:
        assert found.metrics[0].required_n == 2995


def paired(better: int, worse: int, both: int, size: int = 1000) -> tuple[ExampleScores, ExampleScores]:
    neither = size - better - worse - both
    own = np.repeat([1.0, 0.0, 1.0, 0.0], [better, worse, both, neither])
    other = np.repeat([0.0, 1.0, 1.0, 0.0], [better, worse, both, neither])
    return scores(**{EXACT: own}), scores("base", **{EXACT: other})


@pytest.mark.parametrize("test", ["paired", "mcnemar"])
@pytest.mark.parametrize(
    ("better", "worse", "outcome"),
    [(80, 20, "PASS"), (20, 80, "FAIL"), (52, 48, "INCONCLUSIVE"), (0, 0, "INCONCLUSIVE")],
    ids=["better", "worse", "even", "identical"],
)
def test_a_gain_over_base_must_be_shown(better: int, worse: int, outcome: str, test: str) -> None:
    found = verdict({"versus": [{"against": "base", "test": test}]}, *paired(better, worse, 500))
    assert found.outcome == outcome
    assert found.metrics[0].discordant == better + worse
    assert (found.metrics[0].p_value is not None) == (test == "mcnemar")


def test_non_inferiority_accepts_equal_models_once_there_are_enough_examples() -> None:
    rule = {"versus": [{"against": "base", "margin": -0.02}]}
    assert verdict(rule, *paired(25, 25, 250, size=500)).outcome == "INCONCLUSIVE"
    assert verdict(rule, *paired(150, 150, 1500, size=3000)).outcome == "PASS"
    assert verdict(rule, *paired(50, 150, 1500, size=3000)).outcome == "FAIL"


def test_required_examples_are_those_that_decide() -> None:
    own, other = paired(50, 50, 500, size=1000)
    (metric,) = verdict({"versus": [{"against": "base", "margin": -0.02}]}, own, other).metrics
    assert metric.required_n == pytest.approx(1546, rel=0.03)
    assert metric.mde == pytest.approx(0.02 * np.sqrt(1546 / 1000), rel=0.03)


@pytest.mark.parametrize("test", ["paired_bootstrap", "sign_flip"])
@pytest.mark.parametrize(
    ("shift", "outcome"), [(0.3, "PASS"), (-0.3, "FAIL"), (0.0, "INCONCLUSIVE")], ids=["better", "worse", "even"]
)
def test_a_lower_loss_is_an_advantage(shift: float, outcome: str, test: str) -> None:
    random = np.random.default_rng(1)
    base = random.gamma(2.0, size=250)
    noise = random.normal(scale=0.5, size=250)
    own = base - shift + noise - noise.mean()
    rule = {"id": "nll_per_token", "versus": [{"against": "base", "test": test}]}
    found = verdict(rule, scores(nll_per_token=own), scores("base", nll_per_token=base))
    assert found.outcome == outcome
    assert found.metrics[0].value == pytest.approx(shift, abs=1e-9)


def test_a_ceiling_on_a_loss_is_judged_by_its_bootstrap_interval() -> None:
    values = np.random.default_rng(2).gamma(2.0, size=400)
    for ceiling, outcome in ((2.5, "PASS"), (float(values.mean()), "INCONCLUSIVE"), (1.5, "FAIL")):
        found = verdict({"id": "nll_per_token", "ceiling": ceiling}, scores(nll_per_token=values))
        assert found.outcome == outcome


def with_nan(size: int = 300) -> list[float]:
    return [float("nan"), *rate(size - 1, size - 1)]


FLOOR = {"floor": 0.5}
VERSUS = {"versus": [{"against": "base", "margin": -0.1}]}
GOOD, BASE = scores(**{EXACT: rate(300, 300)}), scores("base", **{EXACT: rate(10, 300)})
ABSENCE: dict[str, tuple[dict[str, Any], list[ExampleScores], str]] = {
    "nothing": (FLOOR, [], "the model candidate was not scored"),
    "no_candidate": (VERSUS, [BASE], "the model candidate was not scored"),
    "no_reference": (VERSUS, [GOOD], "the model base was not scored"),
    "no_champion": ({"versus": [{"against": "champion"}]}, [GOOD, BASE], "the model champion was not scored"),
    "no_metric": ({"id": "pii_leak", "ceiling": 0.5}, [GOOD], "was not scored for candidate"),
    "no_metric_of_reference": (VERSUS, [GOOD, scores("base", valid_json=rate(1, 300))], "was not scored for base"),
    "nan": (FLOOR, [scores(**{EXACT: with_nan()})], "1 of 300 examples of candidate have no score"),
    "nan_of_reference": (VERSUS, [GOOD, scores("base", **{EXACT: with_nan()})], "1 of 300 examples of base"),
    "infinite": (
        {"id": "nll_per_token", "ceiling": 9.0},
        [scores(nll_per_token=[float("-inf"), *[1.0] * 299])],
        "1 of 300 examples",
    ),
    "empty": (FLOOR, [scores(**{EXACT: []})], "0 examples, 200 needed"),
    "too_few": (FLOOR, [scores(**{EXACT: rate(199, 199)})], "199 examples, 200 needed"),
    "unmatched_ids": (VERSUS, [GOOD, scores("base", **{EXACT: rate(10, 299)})], "299 shared"),
    "as_many_other_ids": (
        VERSUS,
        [GOOD, ExampleScores("base", "h", scores(**{EXACT: rate(10, 301)}).table.slice(1))],
        "299 shared",
    ),
    "other_conversations": (
        VERSUS,
        [GOOD, scores("base", clusters=["x"] * 300, **{EXACT: rate(10, 300)})],
        "conversations of the examples differ",
    ),
    "other_harness": (VERSUS, [GOOD, scores("base", "other", **{EXACT: rate(10, 300)})], "different harnesses"),
    "out_of_range": (FLOOR, [scores(**{EXACT: [2.0] * 300})], "outside the metric's range"),
    "one_conversation": (
        {"id": "reply_f1", "floor": 0.1},
        [scores(clusters=["x"] * 300, reply_f1=np.linspace(0.8, 1, 300))],
        "fewer than 20 conversations",
    ),
    "same_loss_twice": (
        {"id": "nll_per_token", "versus": [{"against": "base", "test": "paired_bootstrap", "margin": -0.1}]},
        [scores(nll_per_token=[1.0, 2.0] * 150), scores("base", nll_per_token=[1.0, 2.0] * 150)],
        "all values are equal",
    ),
}


@pytest.mark.parametrize(("rule", "models", "note"), ABSENCE.values(), ids=ABSENCE.keys())
@pytest.mark.parametrize("tier", ["critical", "veto"])
def test_nothing_passes_by_absence(rule: dict[str, Any], models: list[ExampleScores], note: str, tier: str) -> None:
    found = verdict({**rule, "tier": tier}, *models, on_inconclusive="approval")
    assert found.outcome == "INCONCLUSIVE"
    assert note in found.metrics[0].note
    assert found.next_step == ("approval" if tier == "critical" else "blocked")
    assert canonical_json(found.to_json())


def test_the_first_release_is_not_held_up_by_a_champion_that_is_known_not_to_exist() -> None:
    rule = {**FLOOR, "versus": [{"against": "champion", "margin": -0.01}]}
    found = verdict(rule, GOOD, no_champion=True)
    assert [metric.outcome for metric in found.metrics] == ["PASS", "SKIPPED"]
    assert found.outcome == "PASS"
    only = verdict({"versus": [{"against": "champion"}]}, GOOD, no_champion=True)
    assert only.outcome == "INCONCLUSIVE"
    with pytest.raises(EvaluationError, match="EVALUATION-004"):
        verdict(rule, GOOD, scores("champion", **{EXACT: rate(1, 300)}), no_champion=True)


def gate_of(*outcomes: tuple[str, str], **more: Any) -> Verdict:
    """A gate with one floor per (tier, outcome) on candidates made to measure."""
    ids = ["intent_match", "product_match", "urgency_match", "amount_match"]
    count = {"PASS": 290, "FAIL": 10, "INCONCLUSIVE": 210}
    rules = [{"id": name, "tier": tier, "floor": 0.7} for name, (tier, _) in zip(ids, outcomes, strict=False)]
    columns = {name: rate(count[wanted], 300) for name, (_, wanted) in zip(ids, outcomes, strict=False)}
    section = GateSection.model_validate({"name": "g", "metrics": rules, **more})
    return judge(section, {"candidate": scores(**columns)})


@pytest.mark.parametrize(
    ("rules", "outcome", "step"),
    [
        ([("critical", "PASS"), ("veto", "PASS")], "PASS", "done"),
        ([("critical", "PASS"), ("critical", "FAIL")], "FAIL", "blocked"),
        ([("critical", "INCONCLUSIVE"), ("critical", "FAIL")], "FAIL", "blocked"),
        ([("critical", "PASS"), ("critical", "INCONCLUSIVE")], "INCONCLUSIVE", "approval"),
        ([("critical", "PASS"), ("veto", "INCONCLUSIVE")], "INCONCLUSIVE", "blocked"),
        ([("critical", "PASS"), ("veto", "FAIL")], "FAIL", "blocked"),
        ([("critical", "PASS"), ("advisory", "FAIL")], "PASS", "done"),
        ([("critical", "FAIL"), ("advisory", "PASS")], "FAIL", "blocked"),
    ],
)
def test_all_rules_together(rules: list[tuple[str, str]], outcome: str, step: str) -> None:
    found = gate_of(*rules, on_inconclusive="approval")
    assert [metric.outcome for metric in found.metrics] == [wanted for _, wanted in rules]
    assert (found.outcome, found.next_step) == (outcome, step)


def test_an_inconclusive_gate_blocks_unless_it_says_otherwise() -> None:
    assert gate_of(("critical", "INCONCLUSIVE")).next_step == "blocked"


def test_repeating_conversations_are_not_counted_as_independent_examples() -> None:
    values = np.repeat(rate(78, 100), 5)
    alone = verdict(FLOOR | {"floor": 0.72}, scores(**{EXACT: values}))
    together = verdict(FLOOR | {"floor": 0.72}, scores(clusters=np.repeat(np.arange(100), 5), **{EXACT: values}))
    assert alone.outcome == "PASS"
    assert together.outcome == "INCONCLUSIVE"
    assert together.metrics[0].clusters == 100
    assert together.metrics[0].n == 500


def test_mcnemar_gives_way_to_sign_flips_where_conversations_repeat() -> None:
    own, other = paired(6, 0, 0, size=300)
    rule = {"versus": [{"against": "base", "test": "mcnemar"}]}
    assert verdict(rule, own, other).outcome == "PASS"
    clusters = np.r_[np.zeros(6), np.arange(1, 295)].astype(int)
    again = [scores(m.model, clusters=clusters, **{EXACT: m.values(EXACT)}) for m in (own, other)]
    found = verdict(rule, *again)
    assert found.outcome == "INCONCLUSIVE"
    assert "signs of whole conversations" in found.metrics[0].note


def test_the_verdict_is_a_function_of_its_input_to_the_byte() -> None:
    random = np.random.default_rng(3)
    own, other = random.gamma(2.0, size=(2, 250))
    rule = {"id": "nll_per_token", "ceiling": 3.0, "versus": [{"against": "base", "test": "paired_bootstrap"}]}
    order = random.permutation(250)
    shuffled = ExampleScores("base", "h", scores("base", nll_per_token=other).table.take(order))
    first = verdict(rule, scores(nll_per_token=own), scores("base", nll_per_token=other))
    second = verdict(rule, shuffled, scores(nll_per_token=own))
    assert canonical_json(first.to_json()) == canonical_json(second.to_json())
    other[0] += 1e-9
    assert verdict(rule, scores(nll_per_token=own), scores("base", nll_per_token=other)).scores != first.scores


def test_the_verdict_freezes_its_rules() -> None:
    first, second = (verdict({"floor": floor}, GOOD).gate_digest for floor in (0.5, 0.51))
    assert first.startswith("sha256:")
    assert first != second


@pytest.mark.parametrize("ids", [["a", "a"], ["a", None]], ids=["repeated", "missing"])
def test_scores_need_one_row_per_example(ids: list[str | None]) -> None:
    with pytest.raises(EvaluationError, match="EVALUATION-004"):
        ExampleScores("candidate", "h", pa.table({"example_id": ids, "cluster": ["x", "y"]}))


def test_the_threshold_itself_is_good() -> None:
    interval = Interval(0.6, 0.8, 0.9, "by hand")
    found = [by_interval(interval, threshold, higher=True) for threshold in (0.6, 0.7, 0.8, 0.81)]
    assert found == ["PASS", "INCONCLUSIVE", "INCONCLUSIVE", "FAIL"]
    found = [by_interval(interval, threshold, higher=False) for threshold in (0.8, 0.7, 0.6, 0.59)]
    assert found == ["PASS", "INCONCLUSIVE", "INCONCLUSIVE", "FAIL"]
