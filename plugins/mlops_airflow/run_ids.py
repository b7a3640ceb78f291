"""The run of the pipeline that belongs to a DAG run: a pure function of its names, so that nothing has to be passed."""

from __future__ import annotations

import hashlib
import re

_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)")


def run_of(dag_id: str, dag_run_id: str) -> str:
    """Id of the run: the time in the DAG run's name where it has one, and a digest of both names.

    A cleared DAG run keeps its name, hence its run and its pins; a new DAG run gets a new run.
    """
    digest = hashlib.sha256(f"{dag_id}\n{dag_run_id}".encode()).hexdigest()[:12]
    found = _STAMP.search(dag_run_id)
    stamp = "{}{}{}T{}{}{}".format(*found.groups()) if found else "dagrun"
    return f"{stamp}-{digest}"
