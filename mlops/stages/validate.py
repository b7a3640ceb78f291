"""validate: the source contract against the ingested rows; what breaks a row rule goes to quarantine."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mlops.artifacts import canonical_json, write_atomic
from mlops.contracts.check import check
from mlops.contracts.retention import keep_until
from mlops.contracts.verdict import verdict
from mlops.datasets.chat import messages_view, records_view
from mlops.datasets.shards import read_shards, write_parquet, write_shards
from mlops.stages.named_checks import named_checks
from mlops.stages.pinned_contracts import pinned_contract
from mlops.stages.stage_io import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``data/``, ``quarantine/quarantine.parquet`` (rows and rule ids) and ``report.json``."""
    contract = pinned_contract(context, "source_contract")
    rows = read_shards(context.inputs["ingest"] / "data")
    context.progress(0, None, "run the contract's rules")
    tables = {"records": records_view(rows), "messages": messages_view(rows)}
    report = check(contract, tables, named_checks(context.root), progress=context.progress)
    decided = verdict(report, rows.num_rows)
    bad = pc.is_in(rows["record_id"], value_set=pa.array(decided.quarantined, pa.string()))
    good = rows.filter(pc.invert(pc.fill_null(bad, False)))
    quarantined = rows.filter(pc.fill_null(bad, False))
    rules = pa.array(
        [list(report.offending[key]) for key in quarantined["record_id"].to_pylist()], pa.list_(pa.string())
    )
    write_parquet(quarantined.append_column("rules", rules), context.output / "quarantine" / "quarantine.parquet")
    write_shards(good, context.output / "data")
    content = report.to_json()
    write_atomic(context.output / "report.json", canonical_json(content))
    figures = {
        "expectations": content["outcomes"],
        "coverage": str(report.coverage),
        "quarantined": quarantined.num_rows,
        "warnings": [rule.id for rule in report.warnings],
        "contract": content["contract"],
        "retention": keep_until(contract, {"records": records_view(good)}),
    }
    blocked = decided.reason if decided.outcome == "blocked" else None
    seconds = {"rule_seconds": dict(report.seconds)}
    return StageOutcome(rows.num_rows, good.num_rows, figures, blocked, measurements=seconds)
