"""Who or what set a DAG run off, in the words of the ledger."""

from __future__ import annotations

import re
from typing import Any

AIRFLOW_ACTOR = "airflow"
_DATE = re.compile(r"^\d{4}-\d\d-\d\d")


def actor_of(dag_run: Any) -> str:
    """The user who triggered the run; ``airflow`` when no person did."""
    return dag_run.triggering_user_name or AIRFLOW_ACTOR


def trigger_of(dag_run: Any) -> dict[str, str]:
    """``kind`` (manual, scheduled, backfill, asset…), ``key`` (the partition) and ``dag_run``, for the ledger."""
    kind = getattr(dag_run.run_type, "value", dag_run.run_type)
    return {"kind": str(kind), "key": dag_run.partition_key or "", "dag_run": dag_run.run_id}


def more_settings(dag_run: Any) -> dict[str, str]:
    """``MLOPS_DATA_DATE`` (YYYY-MM-DD): the day a scheduled or back-filled run is about, for paths of sources."""
    key = dag_run.partition_key or ""
    if _DATE.match(key):
        return {"MLOPS_DATA_DATE": key[:10]}
    day = dag_run.logical_date or dag_run.run_after
    return {"MLOPS_DATA_DATE": day.strftime("%Y-%m-%d")} if day else {}
