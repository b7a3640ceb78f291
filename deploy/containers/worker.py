"""A Celery worker for one queue that loses no training when its container is stopped: ``worker.py QUEUE``.

Celery answers SIGTERM by taking no new task and waiting for those it has, for as long as they take; the container
engine waits ``stop_grace_period`` and kills. So the stages are told as well: training saves a checkpoint and ends, its
task ends as one to be retried, and Celery is free to go.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from mlops.settings import load_settings
from mlops_airflow import stage_process


def tell_stages(runs: Path, told: set[Path]) -> None:
    """SIGTERM, once, to every stage of this workspace that runs on this machine."""
    for record in runs.glob(f"*/*/task-*/*/{stage_process.PROCESS}"):
        process = stage_process.find(record.parent)
        if process is None or record in told or not stage_process.alive(process):
            continue
        told.add(record)
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue


def main(queue: str) -> int:
    """Run the worker until it ends; returns its exit code."""
    runs = load_settings().runs
    worker = subprocess.Popen(["airflow", "celery", "worker", "--queues", queue])
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    while worker.poll() is None and not stop.wait(0.5):
        pass
    worker.terminate()  # first, so that this worker takes up no stage again; celery counts a second SIGTERM as haste
    told: set[Path] = set()
    while worker.poll() is None:
        tell_stages(runs, told)
        time.sleep(0.5)
    return worker.returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected the name of one queue: worker.py QUEUE")
    sys.exit(main(sys.argv[1]))
