"""The ``mlops`` command with one fault in it: ``python -m tests.faults.struck run small``.

The product has no hooks for tests. This module wraps the functions between which a point lies and hands over to the
command's own entry; the stages that ``mlops run`` starts are started through this module as well.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.faults import points
from tests.faults.points import Fault

Test = Callable[..., bool]


def _always(*_arguments: Any, **_options: Any) -> bool:
    return True


def strike(victim: str) -> None:
    """Do it. Returns only where this process is to notice by itself what became of its parent."""
    me, parent = os.getpid(), int(os.environ.get("MLOPS_PARENT_PID", "0"))
    if victim in (points.RUN, points.BOTH, points.TERM) and parent == 0:
        parent = me  # the fault strikes in ``mlops run`` itself
    if victim == points.STAGE:
        os.kill(me, signal.SIGKILL)
    elif victim == points.STOP:
        os.kill(me, signal.SIGSTOP)
    elif victim == points.TERM:
        os.kill(parent, signal.SIGTERM)
        _wait(lambda: False, 1.0)  # the request arrives here; a stage that saves first goes on afterwards
    elif victim == points.RUN:
        os.kill(parent, signal.SIGKILL)
        _wait(lambda: os.getppid() != parent, 5.0)
    elif victim == points.BOTH:
        os.kill(parent, signal.SIGKILL)
        os.kill(me, signal.SIGKILL)


def _wait(over: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not over():
        time.sleep(0.002)


def at(
    place: str,
    victim: str,
    *,
    before: bool = True,
    when: Test = _always,
    nth: int = 1,
    first: Callable[..., object] = _always,
) -> None:
    """Strike at the ``nth`` call of ``module:function`` for which ``when`` holds, before or after it.

    Args:
        first: called with the function's arguments just before the strike, e.g. to tear what it wrote.
    """
    module_name, _, path = place.partition(":")
    owner: Any = importlib.import_module(module_name)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    real = getattr(owner, name)
    seen = 0

    def due(*arguments: Any, **options: Any) -> bool:
        nonlocal seen
        seen += bool(when(*arguments, **options))
        return seen == nth and bool(when(*arguments, **options))

    @functools.wraps(real)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        now = due(*arguments, **options)
        if now and before:
            first(*arguments, **options)
            strike(victim)
        answer = real(*arguments, **options)
        if now and not before:
            first(*arguments, **options)
            strike(victim)
        return answer

    setattr(owner, name, wrapped)


def _tear(_table: Any, path: Path, *_more: Any, **_options: Any) -> None:
    """Cut a written file in half, as a writer killed in the middle of it leaves it."""
    os.truncate(path, path.stat().st_size // 2)


def _tear_checkpoint(directory: Path, **_options: Any) -> None:
    weights = next(directory.glob("*.safetensors"))
    os.truncate(weights, weights.stat().st_size // 2)


def _output(name: str) -> Test:
    """Is this ``os.replace`` the one that names a file of the stage's output?"""

    def holds(_source: Any, target: Any, **_options: Any) -> bool:
        return Path(target).parts[-2:] == ("output", name)

    return holds


def _middle(stage: str, victim: str) -> None:
    if stage in ("ingest", "validate", "mask", "curate"):
        nth = 2 if stage == "curate" else 1
        at("mlops.datasets.shards:write_parquet", victim, before=False, nth=nth, first=_tear)
        return
    last = {"train": "training.json", "evaluate": "models.json", "gate": "report.html", "register": "dossier.json"}
    at("os:replace", victim, when=_output(last[stage]))


def _stage_done(_self: Any, kind: str, *_more: Any, **_options: Any) -> bool:
    return kind == "stage_done"


def arm_stage(fault: Fault) -> None:
    """Wrap what the stage's process will call."""
    runner, victim = "mlops.stage_runner:", fault.victim
    third = {"before": True, "nth": 3, "first": _tear_checkpoint}
    arm: dict[str, Callable[[], None]] = {
        points.STARTED: lambda: at(runner + "_hit_or_work", victim),
        points.MIDDLE: lambda: _middle(fault.stage, victim),
        points.CHECKPOINT: lambda: at("mlops.training.watch:Watch.saved", victim, before=False, nth=2),
        points.TORN_CHECKPOINT: lambda: at("mlops.training.watch:seal_checkpoint", victim, **third),
        points.WORKED: lambda: at(runner + "seal", victim),
        points.SEALING: lambda: at("os:replace", victim, when=_output("manifest.json")),
        points.SEALED: lambda: at(runner + "publish", victim),
        points.PUBLISHED: lambda: at(runner + "_commit", victim),
        points.COMMITTING: lambda: at("mlops.ledger.events:Transaction.append", victim, before=False, when=_stage_done),
        points.COMMITTED: lambda: at(runner + "_commit", victim, before=False),
        points.COPYING: lambda: at("dvc_objects.fs.local:FsspecLocalFileSystem.put_file", victim, nth=5),
        points.ARRIVED: lambda: at("mlops.remotes:_record", victim),
        points.KEYED: lambda: at("mlops.registry.signing:write_atomic", victim, before=False),
        points.REGISTERED: lambda: at("mlops.registry.registration:export_release", victim),
        points.EXPORTING: lambda: at("mlops.registry.attestation:write_atomic", victim, before=False),
        points.LINKED: lambda: at(runner + "_link", victim, before=False),
    }
    arm[fault.point]()


def _tear_log(_ledger: Any, path: Path) -> None:
    os.truncate(path, path.stat().st_size - 40)


def arm_run(fault: Fault) -> None:
    """Wrap what ``mlops run`` itself will call; ``fault.stage`` names the stage after the point, if any."""
    run, victim = "mlops.pipeline_run:", fault.victim

    def is_next(*arguments: Any, **_options: Any) -> bool:
        return fault.stage in arguments

    arm: dict[str, Callable[[], None]] = {
        points.MIGRATING: lambda: at("mlops.ledger.migrate:command.upgrade", victim, before=False),
        points.BEGUN: lambda: at(run + "_stages", victim),
        points.BETWEEN: lambda: at(run + "_one_stage", victim, when=is_next),
        points.PROMOTING: lambda: at(run + "promote_if_due", victim),
        points.PROMOTED: lambda: at("mlops.registry.promotion:promote", victim, before=False),
        points.VERIFYING: lambda: at(run + "verify_release", victim),
        points.FINISHING: lambda: at(run + "append", victim),
        points.REPLAYING: lambda: at("mlops.telemetry.jsonl_log:follow", victim, before=False, first=_tear_log),
    }
    if fault.point in arm:
        arm[fault.point]()


def _start_stages_through_here() -> None:
    from mlops import pipeline_run

    def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
        assert command[1:3] == ["-m", "mlops"], command
        return subprocess.Popen([command[0], "-m", "tests.faults.struck", *command[3:]], **options)

    pipeline_run.subprocess = SimpleNamespace(Popen=start, PIPE=subprocess.PIPE)  # type: ignore[attr-defined]


def main() -> None:
    """Arm the fault of the environment where this process is meant, then be ``mlops``."""
    fault = Fault.of()
    if fault is not None and sys.argv[1] == "run":
        _start_stages_through_here()
        arm_run(fault)
    elif fault is not None and sys.argv[1:3] == ["stage", fault.stage]:
        arm_stage(fault)
    from mlops.cli import main as mlops

    mlops()


if __name__ == "__main__":
    main()
