"""The plan says beforehand what the gate says afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops.evaluation.config import GateSection
from mlops.evaluation.gate import judge
from mlops.evaluation.planning import Planned, plan
from mlops.evaluation.scores import ExampleScores

EXACT = "ticket_exact_match"


def planned(rule: dict[str, Any], examples: int) -> Planned:
    (found,) = plan(GateSection.model_validate({"name": "g", "metrics": [rule]}), examples)
    return found


@pytest.mark.parametrize(("margin", "pairs"), [(-0.01, 6183), (-0.02, 1546), (-0.05, 248)])
def test_an_accepted_loss_needs_the_published_number_of_pairs(margin: float, pairs: int) -> None:
    rule = {"id": EXACT, "versus": [{"against": "champion", "margin": margin}]}
    assert planned(rule, pairs).required_n == pairs
    assert planned(rule, pairs).note == ""
    assert "likely inconclusive" in planned(rule, pairs - 1).note


def test_a_veto_without_enough_examples_is_said_to_be_out_of_reach() -> None:
    rule = {"id": "pii_leak", "tier": "veto", "ceiling": 0.001}
    assert "2995 needed" in planned(rule, 2000).note
    assert planned(rule, 2995).note == ""


def test_a_candidate_at_the_detectable_distance_passes_with_the_stated_power() -> None:
    from scipy.stats import binom

    rule = {"id": EXACT, "floor": 0.7}
    found = planned(rule, 400)
    assert found.detectable is not None
    section = GateSection.model_validate({"name": "g", "metrics": [rule]})
    names = [f"e{i:03d}" for i in range(400)]

    def outcome(successes: int) -> str:
        values = pa.array(np.arange(400) < successes).cast(pa.float64())
        scores = ExampleScores("candidate", "h", pa.table({"example_id": names, "cluster": names, EXACT: values}))
        return judge(section, {"candidate": scores}).outcome

    first = next(successes for successes in range(281, 401) if outcome(successes) == "PASS")
    assert binom.sf(first - 1, 400, 0.7 + found.detectable) == pytest.approx(0.8, abs=0.02)


def test_a_floor_that_no_candidate_could_clear_is_named() -> None:
    assert "even a perfect candidate" in planned({"id": EXACT, "floor": 0.99, "min_n": 20}, 20).note
    assert "200 needed" in planned({"id": EXACT, "floor": 0.7}, 100).note


def test_a_metric_of_unknown_spread_makes_no_promise() -> None:
    for rule in ({"id": "reply_f1", "floor": 0.5}, {"id": "nll_per_token", "ceiling": 2.0}):
        found = planned(rule, 500)
        assert found.detectable is None
        assert "spread" in found.note
