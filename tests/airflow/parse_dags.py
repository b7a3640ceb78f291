"""Parses ``dags/`` as Airflow's dag-processor does, without a database, and prints what it found as one JSON line.

A process of its own, because what is being asked is what parsing alone imports and reads.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

HEAVY = ("torch", "pandas", "pyarrow", "transformers", "great_expectations", "dvc", "scipy", "numpy")
READ: set[str] = set()


def _note_yaml(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | os.PathLike) and Path(arguments[0]).suffix == ".yaml":
        READ.add(Path(arguments[0]).stem)


def _dag(dag: Any) -> dict[str, Any]:
    tasks = {
        task.task_id: {
            "kind": type(task).__name__,
            "pool": task.pool,
            "queue": task.queue,
            "doc": bool(task.doc_md),
            "owner": task.owner,
            "outlets": [asset.name for asset in task.outlets],
            "downstream": sorted(task.downstream_task_ids),
            "defaults": getattr(task, "defaults", None),
            "options": getattr(task, "options", None),
        }
        for task in dag.tasks
    }
    return {"tags": sorted(dag.tags), "doc": dag.doc_md or "", "description": dag.description or "", "tasks": tasks}


def main() -> None:
    """Parse the file or folder that is named first."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    sys.addaudithook(_note_yaml)
    bag = DagBag(dag_folder=sys.argv[1])
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)  # what cannot be serialised never reaches the scheduler
    found = {
        "errors": {Path(path).name: text for path, text in bag.import_errors.items()},
        "heavy": [name for name in HEAVY if name in sys.modules],
        "read": sorted(READ),
        "dags": {name: _dag(dag) for name, dag in bag.dags.items()},
    }
    print("\n" + json.dumps(found))  # noqa: T201 - this line is what the process is for


if __name__ == "__main__":
    main()
