"""The Airflow plugin: the listener, and our pages inside Airflow's UI."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from mlops_airflow.deadline import DagRunBegan
from mlops_airflow.links import PREFIX, ReleaseLink, ReportLink
from mlops_airflow.listener import LedgerListener


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """ASGI app of our pages; imported at the first request, for every task process loads this plugin and needs none."""
    from mlops_airflow.pages import app

    await app(scope, receive, send)


class MlopsPlugin(AirflowPlugin):
    """What Airflow loads from ``plugins/``."""

    name = "mlops"
    deadline_references = [DagRunBegan]  # noqa: RUF012
    listeners = [LedgerListener()]  # noqa: RUF012 - Airflow's own class attributes
    operator_extra_links = [ReportLink(), ReleaseLink()]  # noqa: RUF012
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "mlops"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Releases",
            "href": f"{PREFIX}/releases",
            "destination": "nav",
            "category": "browse",
            "url_route": "mlops-releases",
        },
        {
            "name": "Run record",
            "href": PREFIX + "/dag-runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "mlops-run",
        },
    ]
