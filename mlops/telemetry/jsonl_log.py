"""A second copy of every event, one JSON line each, outside of the database.

The file is its own cursor: the last whole line says how far it got. A process killed in the middle of a line leaves a
torn tail, which the next call cuts off before it goes on, so no event is ever missing or there twice. As each line
carries the event's digest, the copy also tells when the ledger's past was changed or its tail cut off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from mlops.errors import MlopsError
from mlops.ledger.chain import Event, event_line, parse_event
from mlops.ledger.events import events
from mlops.ledger.store import Ledger
from mlops.telemetry.errors import SinkUnavailableError, TelemetryError
from mlops.telemetry.file_lock import held

_BLOCK = 65_536


def follow(ledger: Ledger, path: Path) -> int:
    """Append the events that the file does not hold yet; returns their number. On return they are on disk.

    Raises:
        TelemetryError: the file does not belong to this ledger, or the ledger's past was changed.
        SinkUnavailableError: another process holds the file, or it cannot be written.
        MlopsError: the ledger cannot be read.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file, held(file, path):
            last = _last_event(file, path)
            fresh = _after(ledger, last, path)
            for event in fresh:
                file.write(event_line(event))
            file.flush()
            os.fsync(file.fileno())
            if last is None:
                _sync_folder(path.parent)
            return len(fresh)
    except OSError as error:
        raise SinkUnavailableError(
            "TELEMETRY-012", f"the event log cannot be written ({error.strerror})", where=str(path), todo="see the disk"
        ) from error


def _last_event(file: BinaryIO, path: Path) -> Event | None:
    """The last whole line's event, after cutting off what stands behind it; ``None`` for an empty file."""
    size = file.seek(0, os.SEEK_END)
    tail = b""
    while len(tail) < size and tail.count(b"\n") < 2:
        start = max(0, size - len(tail) - _BLOCK)
        file.seek(start)
        tail = file.read(size - start)
    whole, newline, torn = tail.rpartition(b"\n")
    if torn:
        file.truncate(size - len(torn))
    if not newline:
        return None
    line = whole.rpartition(b"\n")[2] + b"\n"
    try:
        return parse_event(line)
    except MlopsError:
        raise TelemetryError(
            "TELEMETRY-010",
            "the last line is not an event",
            where=str(path),
            todo="move the file away and replay: mlops telemetry replay --sink jsonl",
        ) from None


def _after(ledger: Ledger, last: Event | None, path: Path) -> list[Event]:
    if last is None:
        return events(ledger)
    found = events(ledger, after=last.seq - 1)
    if not found or found[0].digest != last.digest:
        raise TelemetryError(
            "TELEMETRY-013",
            f"event {last.seq} of the log is not in the ledger: the log is another ledger's, or the ledger was changed",
            where=str(path),
            todo="keep both as evidence, see deploy/runbooks/AuditChainBroken.md; move the log away to begin a new one",
        )
    return found[1:]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
