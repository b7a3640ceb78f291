"""The library stands alone: no Airflow, nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_IMPORT_ALL = """
import importlib, pkgutil, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "airflow":
            raise ImportError("airflow is not available to mlops")
sys.meta_path.insert(0, Blocked())
import mlops
names = [module.name for module in pkgutil.walk_packages(mlops.__path__, "mlops.")]
for name in names:
    if ".migrations" not in name and name != "mlops.__main__":
        importlib.import_module(name)
heavy = {"torch", "transformers", "peft", "bitsandbytes", "trl", "great_expectations", "dvc", "wandb", "pyspark",
         "datasets", "accelerate", "pandas", "scipy", "duckdb", "airflow"}
print(len(names), sorted(heavy & set(sys.modules)))
"""


def test_every_module_imports_without_airflow_and_without_a_heavy_library(project_root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL], capture_output=True, text=True, cwd=project_root)
    assert done.returncode == 0, done.stderr
    count, heavy = done.stdout.split(" ", 1)
    assert int(count) > 60
    assert heavy.strip() == "[]"


def test_stage_files_stay_thin(project_root: Path) -> None:
    for path in sorted((project_root / "mlops" / "stages").glob("*.py")):
        if path.stem not in ("__init__", "stage_io"):
            assert len(path.read_text().splitlines()) <= 70, f"{path.name} does too much"
