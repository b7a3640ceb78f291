"""mask: personal data and secrets out, then a second scan that decides."""

from __future__ import annotations

from mlops.artifacts import canonical_json, write_atomic
from mlops.datasets.shards import read_shards, write_parquet, write_shards
from mlops.privacy.masking import mask_table
from mlops.stages.stage_io import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``data/``, ``quarantine/quarantine.parquet`` (record id and reason) and ``report.json`` (counts only)."""
    rows = read_shards(context.inputs["validate"] / "data")
    context.progress(0, None, "detect, replace, scan again")
    result = mask_table(rows, context.sections["privacy"])
    report = result.report
    write_shards(result.table, context.output / "data")
    write_parquet(result.quarantined, context.output / "quarantine" / "quarantine.parquet")
    write_atomic(context.output / "report.json", canonical_json(report.to_json()))
    figures = {
        "entities": report.by_type(),
        "residual": report.residual_total,
        "changed": report.rows_changed,
        "quarantined": report.rows_quarantined,
    }
    blocked = None
    if not report.within_tolerance:
        found, allowed = report.residual_total, report.residual_tolerance
        blocked = f"the second scan found {found} value(s) left, {allowed} allowed: {dict(report.residual)}"
    elif not result.table.num_rows:
        blocked = "no row is left after masking"
    return StageOutcome(rows.num_rows, result.table.num_rows, figures, blocked)
