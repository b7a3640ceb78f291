"""One writer at a time for a file of ours."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mlops.telemetry.errors import SinkUnavailableError


@contextmanager
def held(file: IO[bytes], path: Path, wait_seconds: float = 10.0) -> Iterator[None]:
    """Hold an open file against other writers; the kernel frees it when the process dies.

    Raises:
        SinkUnavailableError: another process held it for all of ``wait_seconds``.
    """
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise SinkUnavailableError(
                    "TELEMETRY-011",
                    f"another process has been writing it for {wait_seconds:g} s",
                    where=str(path),
                    todo="replay it later: mlops telemetry replay",
                ) from None
            time.sleep(0.05)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
