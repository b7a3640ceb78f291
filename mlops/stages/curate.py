"""curate: what trains, what validates and what tests; the training-set contract and the purpose decide."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from mlops.artifacts import canonical_json, write_atomic
from mlops.contracts.check import check
from mlops.contracts.retention import keep_until
from mlops.contracts.verdict import verdict
from mlops.datasets.chat import messages_view, records_view
from mlops.datasets.curation import curate
from mlops.datasets.shards import read_shards, write_parquet, write_shards
from mlops.stages.named_checks import named_checks
from mlops.stages.pinned_contracts import pinned_contract
from mlops.stages.stage_io import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``train/ validation/ test/``, ``removed/removed.parquet`` and the contract's ``report.json``."""
    contract = pinned_contract(context, "training_contract")
    rows = read_shards(context.inputs["mask"] / "data")
    context.progress(0, None, "duplicates, languages, split")
    splits, removed = curate(rows, context.sections["curation"])
    curated = pa.concat_tables(splits.values()).combine_chunks()
    context.progress(0, None, "run the training-set contract's rules")
    tables = {"records": records_view(curated), "messages": messages_view(curated)}
    report = check(contract, tables, named_checks(context.root), progress=context.progress)
    decided = verdict(report, curated.num_rows)
    offending = pa.array(decided.quarantined, pa.string())
    counts = {}
    for name, table in splits.items():
        kept = table.filter(pc.invert(pc.is_in(table["record_id"], value_set=offending)))
        write_shards(kept, context.output / name)
        counts[name] = kept.num_rows
    reasons = pa.array(["training_set_contract"] * len(offending), pa.string())
    broken = pa.table([offending, reasons, pa.nulls(len(offending), pa.string())], schema=removed.schema)
    removed = pa.concat_tables([removed, broken])
    write_parquet(removed, context.output / "removed" / "removed.parquet")
    content = report.to_json()
    write_atomic(context.output / "report.json", canonical_json(content))
    figures = {
        "splits": counts,
        "removed": dict(sorted(Counter(removed["reason"].to_pylist()).items())),
        "expectations": content["outcomes"],
        "coverage": str(report.coverage),
        "contract": content["contract"],
        "retention": keep_until(contract, {"records": records_view(curated)}),
    }
    blocked = decided.reason if decided.outcome == "blocked" else None
    for name in ("train", "test"):
        if blocked is None and counts[name] == 0:
            blocked = f"the {name} split is empty"
    seconds = {"rule_seconds": dict(report.seconds)}
    return StageOutcome(rows.num_rows, sum(counts.values()), figures, blocked, measurements=seconds)
