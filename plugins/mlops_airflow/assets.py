"""Assets of a use case: what other DAGs and the REST API can announce, and what sets its DAGs off.

All are partitioned: the key is a digest of data, a time of the schedule, or the name of a drift alarm. A key is what a
run is about; announcing it twice makes two runs, the second of which finds everything in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Asset, get_current_context


def source_asset(use_case: str) -> Asset:
    """New source data has landed; announced from outside, with the data's digest as partition key."""
    return Asset(name=f"{use_case}/source", uri=f"mlops://{use_case}/source", group="mlops")


def tick_asset(use_case: str) -> Asset:
    """A time of the use case's schedule has come; the key is that time (UTC)."""
    return Asset(name=f"{use_case}/tick", uri=f"mlops://{use_case}/tick", group="mlops")


def drift_asset(use_case: str) -> Asset:
    """Drift was found, and a retrain decided; the key names the alarm."""
    return Asset(name=f"{use_case}/drift", uri=f"mlops://{use_case}/drift", group="mlops")


def dataset_asset(use_case: str) -> Asset:
    """A curated dataset was sealed; the key is its digest."""
    return Asset(name=f"{use_case}/dataset", uri=f"mlops://{use_case}/dataset", group="mlops")


def release_asset(use_case: str) -> Asset:
    """A release was promoted; the key is its name."""
    return Asset(name=f"{use_case}/release", uri=f"mlops://{use_case}/release", group="mlops")


def announce(outlet_events: Any, announced: Mapping[Asset, Sequence[str]]) -> None:
    """Announce the partitions of each outlet of the running task, and of no other.

    An outlet without a partition is taken off the task: Airflow would announce it under the DAG run's own key, which
    for a DAG with a schedule is a time, and so set off whatever waits for the asset.
    """
    get_current_context()["task"].outlets = [asset for asset, keys in announced.items() if keys]
    for asset, keys in announced.items():
        if keys:
            outlet_events[asset].add_partitions(list(keys))
