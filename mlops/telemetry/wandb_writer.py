"""Writes one offline W&B run; started by :mod:`mlops.telemetry.wandb_sink` as a process of its own.

Reads a job as JSON from stdin: ``project, group, id, folder, series, config, summary``. Only finite numbers under plain
names leave the series, and with these settings W&B records no console, code, git state, packages or machine.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STEP = "train/global_step"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}(/[A-Za-z0-9_.]{1,64})?")
_STEP_NAMES = ("global_step", "step")


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a row under plain names; anything else is left out."""
    return {
        name: value
        for name, value in row.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if _NAME.fullmatch(name)
    }


def rows(series: Path) -> Iterator[dict[str, float]]:
    """The points of an attempt's ``series.jsonl`` as W&B names; a torn line and one without numbers are left out."""
    with series.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            found = numbers(row) if isinstance(row, dict) else {}
            named = {}
            for name, value in found.items():
                short = name.removeprefix("train/")
                named[STEP if short in _STEP_NAMES else f"train/{short}"] = value
            if named.keys() - {STEP}:
                yield named


def write(job: Mapping[str, Any]) -> int:
    """Write the run; returns the number of points."""
    import wandb

    settings = wandb.Settings(
        console="off",
        x_disable_meta=True,
        disable_git=True,
        save_code=False,
        x_save_requirements=False,
        x_disable_machine_info=True,
    )
    run = wandb.init(
        mode="offline",
        project=job["project"],
        group=job["group"],
        job_type="train",
        id=job["id"],
        resume="never",
        dir=job["folder"],
        config=job["config"],
        settings=settings,
    )
    run.define_metric(STEP)
    run.define_metric("train/*", step_metric=STEP)
    count = 0
    for row in rows(Path(job["series"])):
        run.log(row)
        count += 1
    for name, value in job["summary"].items():
        run.summary[name] = value
    run.finish()
    return count


if __name__ == "__main__":
    points = write(json.load(sys.stdin))
    sys.stdout.write(f"points {points}\n")
