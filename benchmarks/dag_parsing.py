"""How long Airflow needs to read a hundred use cases, against plain DAGs of as many empty tasks in one file.

    .venv/bin/python benchmarks/dag_parsing.py

Each pass is a fresh process, as in the dag-processor; what is timed is the parsing of all DAG files and then the
serialisation of their DAGs, without the import of Airflow. CPU seconds are what other work on the machine leaves alone.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
USE_CASES = 100
PASSES = 3
AIM_SECONDS = 2.0
PLAIN = '''\
"""Plain Airflow DAGs."""
import json
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

for name, number in json.loads({shape!r}).items():
    with DAG(dag_id=name, schedule=None) as dag:
        before = None
        for task in range(number):
            after = EmptyOperator(task_id=f"task_{{task}}")
            if before is not None:
                before >> after
            before = after
    globals()[name] = dag
'''


def one_pass(folder: str) -> dict[str, Any]:
    """Parse and serialise the DAG files of a folder, in this process."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import CronPartitionTimetable
    from airflow.serialization.serialized_objects import DagSerialization

    CronPartitionTimetable("0 0 * * *", timezone="UTC")  # the dag-processor has imported these before it forks
    began, began_cpu = time.perf_counter(), time.process_time()
    bag = DagBag(dag_folder=folder)
    parsed, parsed_cpu = time.perf_counter(), time.process_time()
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
    ended, ended_cpu = time.perf_counter(), time.process_time()
    assert not bag.import_errors, bag.import_errors
    return {
        "shape": {dag.dag_id: len(dag.tasks) for dag in bag.dags.values()},
        "parse": (parsed - began, parsed_cpu - began_cpu),
        "serialise": (ended - parsed, ended_cpu - parsed_cpu),
    }


def passes(folder: Path, root: Path, home: Path) -> list[dict[str, Any]]:
    """Several passes, each in a process of its own."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MLOPS_"))},
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "MLOPS_ROOT": str(root),
    }
    command = [sys.executable, __file__, "--pass", str(folder)]
    found = []
    for _ in range(PASSES):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def write_use_cases(root: Path) -> None:
    """A project of a hundred use cases, each as large as the sample."""
    text = (ROOT / "use_cases" / "support_triage.yaml").read_text()
    (root / "use_cases").mkdir(parents=True)
    for number in range(USE_CASES):
        own = text.replace("\nname: support_triage\n", f"\nname: case_{number}\n")
        (root / "use_cases" / f"case_{number}.yaml").write_text(own)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        root, home, plain = Path(scratch) / "project", Path(scratch) / "home", Path(scratch) / "plain"
        write_use_cases(root)
        ours = passes(ROOT / "dags", root, home)
        plain.mkdir()
        (plain / "plain.py").write_text(PLAIN.format(shape=json.dumps(ours[0]["shape"])))
        peer = passes(plain, root, home)
    print(f"{USE_CASES} use-case files; median of {PASSES} passes; wall seconds (CPU seconds)\n")
    print(f"{'':24}{'DAGs':>6}{'tasks':>7}{'parse':>15}{'serialise':>15}{'together':>15}")
    for name, found in (("these use cases", ours), ("plain empty DAGs", peer)):
        shape = found[0]["shape"]
        together = [[sum(each) for each in zip(one["parse"], one["serialise"], strict=True)] for one in found]
        columns = [[one["parse"] for one in found], [one["serialise"] for one in found], together]
        cells = "".join(f"{_median(column):>15}" for column in columns)
        print(f"{name:24}{len(shape):>6}{sum(shape.values()):>7}{cells}")
    parse = statistics.median(one["parse"][1] for one in ours)
    said = "kept" if parse <= AIM_SECONDS else "missed"
    print(f"\naim: parsing in at most {AIM_SECONDS:g} CPU seconds: {said} ({parse:.2f})")


def _median(pairs: list[Any]) -> str:
    wall, cpu = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
    return f"{wall:.2f} ({cpu:.2f})"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pass"]:
        print("\n" + json.dumps(one_pass(sys.argv[2])))
    else:
        main()
