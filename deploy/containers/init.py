"""Brings both databases to the newest schema and makes the pool of GPUs where it is missing; safe to repeat."""

from __future__ import annotations

import subprocess
import sys

from mlops.errors import MlopsError
from mlops.ledger.store import open_ledger
from mlops.settings import load_settings

SLOTS = ["1", "stages that need a GPU, one for each", "--include-deferred"]


def main() -> int:
    """Returns the exit code of the first step that failed."""
    migrated = subprocess.run(["airflow", "db", "migrate"], check=False)
    if migrated.returncode:
        return migrated.returncode
    # A pool that is there keeps the number of slots that somebody gave it.
    if subprocess.run(["airflow", "pools", "get", "gpu"], check=False, capture_output=True).returncode:
        made = subprocess.run(["airflow", "pools", "set", "gpu", *SLOTS], check=False)
        if made.returncode:
            return made.returncode
    try:
        open_ledger(load_settings().ledger)
    except MlopsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 20
    return 0


if __name__ == "__main__":
    sys.exit(main())
