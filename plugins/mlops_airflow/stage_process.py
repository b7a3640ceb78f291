"""A stage as a process of its own that outlives whoever started it, and can be found again by its folder.

The process writes to files, never to a pipe: a pipe would break when the task process that reads it dies. Its end is
read from the last object it wrote, so the exit code is known to a task process that is not its parent.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops.artifacts import canonical_json, write_atomic
from mlops.process_identity import boot_id, start_ticks

OUTPUT, ERRORS, PROCESS, TAKEN = "output.jsonl", "errors.txt", "process.json", "taken"
DONE, FAILED, BLOCKED, WRONG = 0, 1, 10, 20

# Our own children by pid: a parent has to collect them, or they stay as zombies.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class StageProcess:
    """A started process. A pid alone names nothing: with machine, boot and start time it does."""

    folder: Path
    pid: int
    start_ticks: int
    host: str
    boot: str


def start(argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> StageProcess:
    """Start a process in a session of its own, with its output in ``folder``.

    Raises:
        OSError: the folder cannot be written or the program not started.
    """
    folder.mkdir(parents=True)
    with (folder / OUTPUT).open("wb") as output, (folder / ERRORS).open("wb") as errors:
        child = subprocess.Popen(
            argv, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
    _CHILDREN[child.pid] = child
    process = StageProcess(folder, child.pid, start_ticks(child.pid) or 0, socket.gethostname(), boot_id())
    try:
        write_atomic(folder / PROCESS, canonical_json({**asdict(process), "folder": str(folder)}))
    except BaseException:
        stop(process, grace=0.0)  # a process that nobody can find again must not go on
        raise
    return process


def find(folder: Path) -> StageProcess | None:
    """The process that was started in ``folder``, dead or alive."""
    try:
        fields = json.loads((folder / PROCESS).read_bytes())
    except (OSError, ValueError):
        return None
    return StageProcess(**{**fields, "folder": folder})


def alive(process: StageProcess) -> bool:
    """Whether it runs on this machine at this moment; a process of another machine cannot be seen from here."""
    if (process.host, process.boot) != (socket.gethostname(), boot_id()):
        return False
    child = _CHILDREN.get(process.pid)
    if child is not None and child.poll() is not None:
        return False
    return start_ticks(process.pid) == process.start_ticks


def stop(process: StageProcess, grace: float) -> None:
    """SIGTERM to the process and all that it started; SIGKILL after ``grace`` seconds. Calling it again is harmless."""
    _signal(process, signal.SIGTERM)
    limit = time.monotonic() + grace
    while alive(process) and time.monotonic() < limit:
        time.sleep(0.05)
    _signal(process, signal.SIGKILL)


def _signal(process: StageProcess, number: signal.Signals) -> None:
    if not alive(process):
        return
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


class Tail:
    """Whole new lines of a growing file. The place is kept in a file beside it, so a successor goes on there."""

    def __init__(self, path: Path, place: Path) -> None:
        self._path = path
        self._place = place
        self._offset = int(place.read_text()) if place.exists() else 0

    def lines(self, *, last: bool = False) -> Iterator[str]:
        """New lines; with ``last``, also a rest without a line end."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except OSError:
            return
        whole = len(data) if last else data.rfind(b"\n") + 1
        if whole:
            yield from data[:whole].decode("utf-8", "replace").splitlines()
            self._offset += whole
            self._place.write_text(str(self._offset))


def ended(process: StageProcess) -> tuple[int, dict[str, Any]] | None:
    """Exit code and last object of a process that said how it ended; None when it runs, or died without a word."""
    try:
        lines = (process.folder / OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if item["event"] == "finished":
            return (DONE if item["outcome"] == "done" else BLOCKED), item
        if item["event"] == "failed":
            return (FAILED if item["retryable"] else WRONG), item
        if item["event"] != "beat":
            return None
    return None
