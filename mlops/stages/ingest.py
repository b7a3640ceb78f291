"""ingest: every declared source into the canonical chat schema."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from mlops.datasets.chat import conform
from mlops.datasets.curation import sort_rows
from mlops.datasets.reading import read_source
from mlops.datasets.shards import write_parquet, write_shards
from mlops.stages.stage_io import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``data/`` (chat schema, by record id) and ``rejected/rejected.parquet`` (what could not be read, why)."""
    sources = context.sections["sources"]
    tables, rejected = [], []
    for done, source in enumerate(sources):
        context.progress(done, len(sources), f"read {source.name}")
        found = read_source(source, context.root)
        tables.append(conform(found.table))
        rejected.append(found.rejected)
    rows, refused = sort_rows(pa.concat_tables(tables)), pa.concat_tables(rejected)
    write_shards(rows, context.output / "data")
    write_parquet(refused, context.output / "rejected" / "rejected.parquet")
    reasons = dict(sorted(Counter(refused["reason"].to_pylist()).items()))
    figures = {"sources": len(sources), "rejected": refused.num_rows, "reasons": reasons}
    blocked = None if rows.num_rows else f"no row could be read; {refused.num_rows} rejected: {reasons}"
    return StageOutcome(rows.num_rows + refused.num_rows, rows.num_rows, figures, blocked)
