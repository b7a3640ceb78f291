"""Run a small project with a fault in it, run it again, and say what is not as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mlops.artifacts import ArtifactError, verify
from mlops.ledger.chain import event_line, verify_chain
from mlops.ledger.events import Event, events
from mlops.ledger.heartbeats import live
from mlops.ledger.schema import leases_table
from mlops.ledger.store import Ledger, open_ledger, reading
from tests.faults.points import Fault
from tests.small_project import artifacts, environment, mlops, run_json

RERUN_SECONDS = 600
END_SECONDS = 60  # far more than needed on a quiet machine


@dataclass(frozen=True)
class Reference:
    """What an uninterrupted run of the project gives: artifact digest by stage, the release; and how long it took."""

    digests: Mapping[str, str]
    release: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """How a struck command ended: its exit code (negative: by that signal) and what it said."""

    code: int
    output: str


def struck(root: Path, fault: Fault, *arguments: str, more: Mapping[str, str] | None = None) -> Ended:
    """Run ``mlops`` with a fault in it, to its end and to the end of every process it started.

    Raises:
        AssertionError: a process of the run was still there ``END_SECONDS`` after the command had ended.
    """
    with start(root, fault, *arguments, more=more) as process:
        output, _ = process.communicate(timeout=RERUN_SECONDS)
    wait_until_nobody_is_left(root)
    return Ended(process.returncode, output)


def start(
    root: Path, fault: Fault | None, *arguments: str, more: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start ``mlops`` with a fault in it, or without one."""
    module = "mlops" if fault is None else "tests.faults.struck"
    variables = {**(more or {}), **(fault.variables() if fault else {})}
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment(root, variables),
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def processes(root: Path) -> list[int]:
    """Live processes of the project at ``root``, by the environment that they were started with."""
    own = f"MLOPS_ROOT={root}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
            if not dead and own in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_at_random(root: Path, run: subprocess.Popen[str], dice: random.Random) -> bool:
    """Kill -9 the run, its stage, or both; returns whether the run was still there to be killed."""
    stages = [process for process in processes(root) if process != run.pid]
    victims = dice.choice([[run.pid], stages or [run.pid], [run.pid, *stages]])
    alive = run.poll() is None
    for victim in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    return alive


def wait_until_nobody_is_left(root: Path, seconds: float = END_SECONDS) -> float:
    """Wait for the last process of the project; returns how long it took."""
    began = time.monotonic()
    while left := processes(root):
        if time.monotonic() - began > seconds:
            for process in left:
                os.kill(process, signal.SIGKILL)
            raise AssertionError(f"{len(left)} process(es) of a dead run were still there after {seconds:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began


def ledger_of(root: Path) -> Ledger:
    """The project's ledger, opened as any reader of it does."""
    return open_ledger(f"sqlite:///{root / 'workspace' / 'ledger.db'}")


def record(root: Path) -> list[Event]:
    """All events of the project."""
    ledger = ledger_of(root)
    try:
        return events(ledger)
    finally:
        ledger.engine.dispose()


def done(root: Path, reference: Reference) -> dict[str, bool]:
    """Stage → whether each of its recorded results is the reference's."""
    answer: dict[str, bool] = {}
    for event in record(root):
        if event.kind == "stage_done" and event.stage:
            same = event.body["artifact"] == reference.digests[event.stage]
            answer[event.stage] = same and answer.get(event.stage, True)
    return answer


def wrong_after_a_fault(root: Path, reference: Reference) -> list[str]:
    """What must hold at any moment, with nobody alive: nothing but the reference's artifacts, whole; a whole chain."""
    workspace = root / "workspace"
    problems = []
    for folder in sorted((workspace / "store").glob("*/*")):
        try:
            verify(folder, f"sha256:{folder.name}")
        except ArtifactError as error:
            problems.append(f"store: {error}")
        if f"sha256:{folder.name}" not in reference.digests.values():
            problems.append(f"store: {folder.name} is nothing that an uninterrupted run makes")
    if (workspace / "ledger.db").exists():
        problems += verify_chain(record(root))
    return problems


def wrong_after_the_rerun(root: Path, reference: Reference, result: Mapping[str, Any]) -> list[str]:
    """Everything in which a rerun that came to its end differs from a run that nothing had interrupted."""
    return [
        *wrong_after_a_fault(root, reference),
        *_result(result, reference),
        *_ledger(root, reference),
        *_litter(root),
        *_offline(root, reference),
    ]


def _result(result: Mapping[str, Any], reference: Reference) -> Iterator[str]:
    if result["code"] != 0:
        yield f"the rerun ended with {result['code']}: {result['stages'][-1].get('error') or result['promotion']}"
    if artifacts(result) != reference.digests:
        yield "the rerun's artifacts differ: " + ", ".join(
            stage for stage, digest in reference.digests.items() if artifacts(result).get(stage) != digest
        )
    if result["release"] != reference.release:
        yield f"another release: {result['release']}"


def _ledger(root: Path, reference: Reference) -> Iterator[str]:
    ledger = ledger_of(root)
    chain = events(ledger)
    kinds = Counter(event.kind for event in chain)
    for kind in ("registered", "promoted"):
        if kinds[kind] != 1:
            yield f"{kinds[kind]} {kind} events"
    yield from (f"another result of {stage} was recorded" for stage, same in done(root, reference).items() if not same)
    yield from (f"the heartbeat of a dead attempt at {beat.stage} is still there" for beat in live(ledger))
    with reading(ledger) as connection:
        rows = connection.execute(select(leases_table)).mappings().all()
    yield from (f"lease {row['name']} is still held" for row in rows if row["expires_at"] != 0)
    copy = (root / "workspace" / "log" / "events.jsonl").read_bytes()
    if copy != b"".join(map(event_line, chain)):
        yield "the event log is not the ledger's copy"
    ledger.engine.dispose()


def _litter(root: Path) -> Iterator[str]:
    workspace = root / "workspace"
    for left in sorted(workspace.glob("runs/*/*/*/output")):
        yield f"left behind: {left.relative_to(workspace)}"
    for left in sorted((workspace / "checkpoints").glob("*")):
        yield f"left behind: {left.relative_to(workspace)}"
    for folder in ("store", "small", "keys", "log", "releases"):
        for left in sorted((workspace / folder).rglob(".*")):
            if left.name != ".lock":
                yield f"left behind: {left.relative_to(workspace)}"
    links = {link.name: link.resolve().name for link in (workspace / "small").iterdir()}
    yield from (f"the link to {stage} leads nowhere" for stage in links if not (workspace / "small" / stage).exists())


def _offline(root: Path, reference: Reference) -> Iterator[str]:
    answer = mlops(root, "verify", reference.release, "--offline")
    if answer.returncode != 0:
        yield f"mlops verify: {answer.stdout[-400:]}{answer.stderr[-400:]}"


def rerun(root: Path, *arguments: str) -> dict[str, Any]:
    """``mlops run small`` again, to its end."""
    return run_json(root, *arguments)


def last_object(output: str) -> dict[str, Any]:
    """The last JSON object that a command printed, or an empty one."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}
