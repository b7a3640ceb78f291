"""Ends with 0 when the part of the platform that runs in this container answers: ``healthy.py ROLE``."""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

SECONDS = 8
CELERY_APP = "airflow.providers.celery.executors.celery_executor.app"


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        content: bytes = answer.read()
    return content


def _api_server() -> None:
    health = json.loads(_get("http://127.0.0.1:8080/api/v2/monitor/health"))
    if health["metadatabase"]["status"] != "healthy":
        sys.exit("the database of Airflow does not answer")


def _scheduler() -> None:
    _get("http://127.0.0.1:8974/health")


def _exporter() -> None:
    _get("http://127.0.0.1:9109/metrics")


def _job(job_type: str) -> Callable[[], None]:
    arguments = ["airflow", "jobs", "check", "--job-type", job_type, "--hostname", socket.getfqdn()]
    return lambda: os.execvp(arguments[0], arguments)


def _worker() -> None:
    name = f"celery@{socket.gethostname()}"
    arguments = ["celery", "--app", CELERY_APP, "inspect", "ping", "--destination", name, "--timeout", "10"]
    os.execvp(arguments[0], arguments)


CHECKS: dict[str, Callable[[], None]] = {
    "api-server": _api_server,
    "dag-processor": _job("DagProcessorJob"),
    "exporter": _exporter,
    "scheduler": _scheduler,
    "triggerer": _job("TriggererJob"),
    "worker": _worker,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit(f"expected one of {', '.join(CHECKS)}")
    try:
        CHECKS[sys.argv[1]]()
    except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
        sys.exit(f"{sys.argv[1]} does not answer: {type(error).__name__}")
