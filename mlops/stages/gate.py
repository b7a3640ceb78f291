"""gate: the use case's rules over the scores."""

from __future__ import annotations

from mlops.artifacts import canonical_json, read_json, write_atomic
from mlops.evaluation.gate import judge
from mlops.evaluation.report import gate_report
from mlops.evaluation.scores import predictions_path, read_predictions
from mlops.stages.stage_io import Record, StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``verdict.json`` and ``report.html``; blocked unless the verdict lets the candidate go on."""
    facts = read_json(context.inputs["evaluate"] / "models.json")
    scores = {}
    for done, model in enumerate(facts["models"]):
        context.progress(done, len(facts["models"]), f"read the scores of {model}")
        scores[model] = read_predictions(predictions_path(context.inputs["evaluate"], model))
    context.progress(0, None, "intervals and tests")
    verdict = judge(context.sections["gates"], scores, no_champion=facts["champion"] is None)
    content = verdict.to_json()
    write_atomic(context.output / "verdict.json", canonical_json(content))
    meta = {
        "use case": context.use_case,
        "candidate": context.digests["evaluate"],
        "champion": facts["champion"] or "none",
        "harness": facts["harness"]["digest"],
    }
    write_atomic(context.output / "report.html", gate_report(verdict, meta).encode())
    figures = {"verdict": verdict.outcome, "next_step": verdict.next_step, "metrics": content["metrics"]}
    waits = verdict.next_step == "approval" and context.sections["approval"].required != "never"
    blocked = None if verdict.next_step == "done" or waits else f"the gate says {verdict.outcome}"
    examples = max(found.examples for found in scores.values())
    return StageOutcome(
        examples,
        None if blocked else examples,
        figures,
        blocked,
        (Record("gate_verdict", {"verdict": verdict.outcome, "figures": figures}),),
    )
