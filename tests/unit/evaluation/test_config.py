"""The evaluation and gate sections refuse at the edge what could only be inconclusive, or always pass, later."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.evaluation.catalog import METRICS, TICKET_FIELDS, metrics_of
from mlops.evaluation.config import EvaluationSection, GateSection, MetricRule, mismatches

EXACT = "ticket_exact_match"


def gate(*rules: dict[str, Any], **more: Any) -> GateSection:
    return GateSection.model_validate({"name": "g", "metrics": list(rules), **more})


WRONG_RULES = {
    "no_rule": ({"id": EXACT}, "has no rule"),
    "unknown_metric": ({"id": "accuracy", "floor": 0.5}, "unknown metric accuracy; known: ticket_exact_match"),
    "floor_above_one": ({"id": EXACT, "floor": 1.2}, "between 0 and 1"),
    "floor_in_percent": ({"id": EXACT, "floor": 70}, "between 0 and 1"),
    "floor_that_passes_anything": ({"id": EXACT, "floor": 0}, "passes anything"),
    "ceiling_out_of_reach": ({"id": "pii_leak", "ceiling": 0}, "out of reach"),
    "floor_of_a_loss": ({"id": "nll_per_token", "floor": 1.0}, "use a ceiling"),
    "ceiling_of_a_score": ({"id": EXACT, "ceiling": 0.9}, "use a floor"),
    "wrong_direction": ({"id": EXACT, "direction": "lower", "floor": 0.5}, "is better higher"),
    "nan_floor": ({"id": EXACT, "floor": float("nan")}, "finite number"),
    "proportion_test_of_a_mean": ({"id": "reply_f1", "versus": [{"against": "base"}]}, "use paired_bootstrap"),
    "mcnemar_with_margin": (
        {"id": EXACT, "versus": [{"against": "base", "margin": 0.1, "test": "mcnemar"}]},
        "margin of 0",
    ),
    "sign_flip_with_margin": (
        {"id": "reply_f1", "versus": [{"against": "base", "margin": -0.1, "test": "sign_flip"}]},
        "margin of 0",
    ),
    "margin_in_percent": ({"id": EXACT, "versus": [{"against": "base", "margin": -1}]}, "between -1 and 1"),
    "same_model_twice": ({"id": EXACT, "versus": [{"against": "base"}, {"against": "base"}]}, "compared twice"),
    "unknown_model": ({"id": EXACT, "versus": [{"against": "latest"}]}, "base"),
    "no_example_needed": ({"id": EXACT, "floor": 0.5, "min_n": 0}, "greater than or equal to 1"),
    "typing_error": ({"id": EXACT, "flor": 0.5}, "not permitted"),
}


@pytest.mark.parametrize(("rule", "message"), WRONG_RULES.values(), ids=WRONG_RULES.keys())
def test_a_rule_that_makes_no_sense_is_refused_with_its_reason(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MetricRule.model_validate(rule)


def test_a_gate_needs_rules_that_decide_and_names_each_metric_once() -> None:
    with pytest.raises(ValidationError, match="every metric is advisory"):
        gate({"id": EXACT, "tier": "advisory", "floor": 0.5})
    with pytest.raises(ValidationError, match="listed twice"):
        gate({"id": EXACT, "floor": 0.5}, {"id": EXACT, "floor": 0.6})
    with pytest.raises(ValidationError, match="at least 1 item"):
        gate()


@pytest.mark.parametrize(("key", "value"), [("alpha", 0.0), ("alpha", 0.5), ("power", 0.5), ("power", 1.0)])
def test_levels_out_of_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match=key):
        gate({"id": EXACT, "floor": 0.5}, **{key: value})


def test_a_gate_that_fits_its_evaluation_has_no_mismatch_and_others_say_why() -> None:
    evaluation = EvaluationSection(task="ticket_json", max_examples=300, compare_with=("base",))
    good = gate({"id": EXACT, "floor": 0.5, "versus": [{"against": "base", "margin": 0.1}]})
    assert mismatches(evaluation, good) == ()
    wrong = gate(
        {"id": "nll_per_token", "ceiling": 2.0},
        {"id": EXACT, "floor": 0.5, "min_n": 400, "versus": [{"against": "champion"}]},
    )
    found = mismatches(evaluation, wrong)
    assert len(found) == 3
    assert "no metric nll_per_token" in found[0]
    assert "needs 400 examples" in found[1]
    assert "champion, which compare_with does not name" in found[2]


def test_a_model_to_compare_with_is_named_once() -> None:
    with pytest.raises(ValidationError, match="found one twice"):
        EvaluationSection(task="ticket_json", compare_with=("base", "base"))


def test_every_ticket_field_has_its_metric_and_binary_metrics_are_bounded() -> None:
    assert {f"{field}_match" for field in TICKET_FIELDS} < set(metrics_of("ticket_json"))
    assert all(metric.bounded for metric in METRICS.values() if metric.binary)


def test_every_option_is_described() -> None:
    for section in (EvaluationSection, GateSection, MetricRule):
        assert all(field.description for field in section.model_fields.values())
