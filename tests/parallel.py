"""Which tests stay together when several processes share a session: those of one expensive folder, else of one file."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TOGETHER = ("tests/airflow", "tests/end_to_end", "tests/faults", "tests/unit/training")
"""Folders whose tests share what took minutes to make: a running Airflow, a finished project."""


class FolderScheduling(LoadScopeScheduling):
    """Hands out whole files, and the folders of `TOGETHER` as one, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)
