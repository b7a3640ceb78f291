"""The error family of the monitoring room.

| code | meaning |
|---|---|
| MONITORING-001 | a table file or folder is missing, unreadable or has no Parquet |
| MONITORING-002 | a table lacks a column that is watched, or has it in another type |
| MONITORING-003 | a stage that the monitor reads has no output in this run |
| MONITORING-004 | the ledger does not hold the masked data that the champion was made from |
| MONITORING-005 | a retrain decision was asked for a run that was not monitored |
"""

from __future__ import annotations

from mlops.errors import MlopsError


class MonitoringError(MlopsError):
    """Wrong input to a monitor. Exit code 20: retrying does not help."""
