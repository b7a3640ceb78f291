"""Buttons on a task: to what the stage reported, and to the release that came of its run. Both open our own pages."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink

from mlops_airflow.run_ids import run_of

PREFIX = "/mlops"


class ReportLink(BaseOperatorLink):
    """To the stage's report."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Path of the page below the address of Airflow's UI."""
        run = run_of(ti_key.dag_id, ti_key.run_id)
        stage = getattr(operator, "stage", None)
        return f"{PREFIX}/runs/{run}" + (f"/{stage}" if stage else "")


class ReleaseLink(BaseOperatorLink):
    """To the run's release."""

    name = "Release"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Path of the page below the address of Airflow's UI."""
        return f"{PREFIX}/runs/{run_of(ti_key.dag_id, ti_key.run_id)}/release"
