"""One live try at one stage: its lease, its heartbeat, its log file and its reaction to a request to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from mlops.errors import MlopsError, RetryableError
from mlops.ledger import heartbeats, leases
from mlops.ledger.errors import LeaseLostError
from mlops.ledger.store import Ledger

_log = logging.getLogger(__name__)


class StoppedError(RetryableError):
    """The process was asked to stop (SIGTERM, Ctrl-C)."""


@dataclass
class StopRequest:
    """Set by SIGTERM and SIGINT. A graceful stage polls it; elsewhere the signal raises at once."""

    graceful: bool
    requested: bool = False
    reason: str = ""

    def __call__(self) -> bool:
        return self.requested

    def ask(self, reason: str) -> None:
        """Ask to stop without a signal, e.g. because a budget is spent."""
        self.requested = True
        self.reason = reason

    def end(self, reason: str) -> None:
        """End the main thread's work at once, from another thread; a graceful stage is not given time to save."""
        self.ask(reason)
        os.kill(os.getpid(), signal.SIGTERM)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again = self.requested
        if not again:
            self.ask(signal.Signals(number).name)
        if again or not self.graceful:
            raise StoppedError("STAGE-010", f"stopped by {self.reason}", todo="run again: it goes on from here")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT while the block runs."""
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@dataclass
class Pulse:
    """Renews a lease and writes heartbeats from a thread until the block ends.

    Who loses the lease is told by ``overtaken``: what it goes on writing could only be in the newer attempt's way.
    ``told`` is called at each beat, so that whoever started the process sees that it is not frozen.
    """

    ledger: Ledger
    lease: leases.Lease
    heartbeat: heartbeats.Heartbeat
    every: float
    lease_seconds: float
    stop: StopRequest
    overtaken: Callable[[str], None]
    told: Callable[[], None] = lambda: None
    progress: dict[str, Any] = field(default_factory=dict)

    def _beat(self) -> None:
        now = heartbeats.Heartbeat(
            **{**self.heartbeat.__dict__, "beat_at": time.time(), "progress": dict(self.progress)}
        )
        leases.renew(self.ledger, self.lease, self.lease_seconds)
        heartbeats.beat(self.ledger, now)

    def _loop(self, ended: threading.Event) -> None:
        while not ended.wait(self.every):
            self.told()
            try:
                self._beat()
            except LeaseLostError:
                self.overtaken("a newer attempt, which took over")
                return
            except MlopsError as error:  # the ledger may be back at the next beat; the lease outlives several
                _log.warning("heartbeat failed: %s", error)

    @contextmanager
    def beating(self) -> Iterator[Pulse]:
        """Beat at once and then every few seconds; forget the heartbeat at the end."""
        heartbeats.beat(self.ledger, self.heartbeat)
        ended = threading.Event()
        thread = threading.Thread(target=self._loop, args=(ended,), name="pulse", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            thread.join()
            heartbeats.clear(self.ledger, self.heartbeat.attempt)


def first_heartbeat(attempt: str, use_case: str, run: str, stage: str) -> heartbeats.Heartbeat:
    """The heartbeat with which an attempt of this process begins."""
    now = time.time()
    return heartbeats.Heartbeat(attempt, use_case, run, stage, os.getpid(), socket.gethostname(), now, now, {})


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Send what libraries print, also from C, to a file while the block runs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, original in zip((1, 2), saved, strict=True):
            os.dup2(original, number)
            os.close(original)
        os.close(target)


def throttled(
    report: Callable[[dict[str, Any]], None], pulse_progress: dict[str, Any], seconds: float = 0.2
) -> Callable[[int, int | None, str], None]:
    """A progress function that keeps the heartbeat current and reports at most every ``seconds``."""
    last = 0.0

    def progress(done: int, total: int | None, what: str) -> None:
        nonlocal last
        pulse_progress.update(done=done, total=total, what=what)
        now = time.monotonic()
        if now - last >= seconds or done == total:
            last = now
            report({"event": "progress", "done": done, "total": total, "what": what})

    return progress
