"""Which queries may be asked: those whose result is a count or worked out of counts, and so no cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.contract import load_contract
from mlops.contracts.lint import lint

SCHEMA = """\
- name: records
  quality:
  - id: rule
    description: a query
    type: sql
    query: |-
      {query}
    mustBe: 0
  properties:
  - {{name: record_id, logicalType: string, classification: internal}}
  - {{name: text, logicalType: string, classification: internal}}
  - {{name: score, logicalType: number, classification: internal}}
  - {{name: turn, logicalType: integer, classification: internal}}
  - {{name: flag, logicalType: boolean, classification: internal}}
  - {{name: words, logicalType: array, classification: internal}}
"""

COUNTS = [
    "SELECT count(*) FROM records",
    "SELECT count(DISTINCT text) -- of all\nFROM records;",
    "SELECT 100.0 * count(*) FILTER (flag) / nullif(count(*), 0) FROM records",
    "SELECT 100.0 * sum(CASE WHEN text = 'en' THEN 1 ELSE 0 END) / count(*) FROM records",
    "SELECT avg((score > 1)::INT) FROM records",
    "SELECT sum(isnan(score)::INT) FROM records",
    "SELECT max(length(text)) FROM records",
    "SELECT sum(n) FROM (SELECT len(words) AS n FROM records)",
    "SELECT min(n) FROM (SELECT count(*) AS n FROM records GROUP BY text)",
    "WITH b AS (SELECT count(*) AS n FROM records GROUP BY text) SELECT coalesce(max(b.n), 0) - min(n) FROM b",
    "SELECT n FROM (SELECT count(*) FROM records) AS q(n)",
    "FROM (SELECT count(*) FROM records)",
    "SELECT count(*) FROM records UNION ALL SELECT 0",
    "SELECT CASE WHEN max(score) > 5 THEN 1 ELSE 0 END FROM records",
    "SELECT (EXISTS (SELECT 1 FROM records WHERE score > 1))::INT",
    "SELECT -sum(p * ln(p)) FROM (SELECT count(*) / sum(count(*)) OVER () AS p FROM records GROUP BY text)",
    "SELECT count(*) FROM (SELECT 1 FROM records QUALIFY count(*) OVER (PARTITION BY text) > 1)",
]
CELLS = [
    "SELECT max(score) FROM records",
    "SELECT max(CAST(text AS BIGINT)) FROM records",
    "SELECT string_agg(text) FROM records",
    "SELECT text FROM records LIMIT 1",
    "SELECT turn FROM records LIMIT 1",
    "SELECT true",
    "SELECT sum(score) FROM records",
    "SELECT avg(score) FROM records",
    "SELECT greatest(0, max(score)) FROM records",
    "SELECT coalesce(max(turn), 0) FROM records",
    "SELECT max(score) + count(*) FROM records",
    "SELECT (SELECT max(score) FROM records) + count(*) FROM records",
    "SELECT CASE WHEN true THEN max(score) ELSE 0 END FROM records",
    "SELECT max(n) FROM (SELECT score AS n FROM records)",
    "SELECT * FROM (SELECT max(score) FROM records)",
    "SELECT max(n) FROM (SELECT count(*) AS n FROM records GROUP BY text UNION ALL SELECT score FROM records)",
    "WITH count AS (SELECT max(score) AS n FROM records) SELECT n FROM count",
    "SELECT n FROM (SELECT count(*) AS n FROM records) JOIN (SELECT score AS n FROM records) USING (n)",
    "SELECT m FROM (SELECT score AS n, n AS m FROM records)",
    "SELECT max(score) OVER () FROM records",
    "SELECT lag(score) OVER () FROM records",
    "SELECT arg_max(score, turn) FROM records",
    "SELECT mode(turn) FROM records",
    "SELECT unicode(max(text)) FROM records",
    "SELECT hash(max(text))::HUGEINT FROM records",
    "SELECT max(columns('score')) FROM records",
    "SELECT unnest([max(score)]) FROM records",
    "SELECT list_sum(list(score)) FROM records",
    "SELECT max(main.records.score) FROM main.records",
    "SELECT extract(year FROM TIMESTAMP '2020-01-01')",
    "SELECT " + "1 + " * 900 + "max(score) FROM records",
]


def found(query: str, write_contract: Callable[..., Path]) -> list[Any]:
    path = write_contract(SCHEMA.format(query=query.replace("\n", "\n      ")))
    load_contract(path)
    return [finding for finding in lint(path) if finding.blocks and finding.code in ("CONTRACT-011", "CONTRACT-014")]


@pytest.mark.parametrize("query", COUNTS)
def test_a_count_or_a_share_may_be_asked_for(query: str, write_contract: Callable[..., Path]) -> None:
    assert found(query, write_contract) == []


@pytest.mark.parametrize("query", CELLS)
def test_what_may_be_a_cell_is_refused(query: str, write_contract: Callable[..., Path]) -> None:
    (finding,) = found(query, write_contract)
    assert (finding.code, finding.line) == ("CONTRACT-014", 10)
    assert "rule records.rule: expected a " in finding.message
