"""What an attempt cost: wall and CPU seconds, memory, and energy where the machine counts it."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Meter:
    """Starts when it is made; ``read`` may be called any number of times."""

    wall: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=time.process_time)
    energy: float | None = field(default_factory=lambda: _package_joules())

    def read(self) -> dict[str, Any]:
        """Seconds, bytes and joules since the start.

        ``energy_joules`` is the processor packages' own counter (RAPL) and covers the whole machine, or ``None`` where
        the counter cannot be read: an estimate from a nominal power would only look like a measurement.
        """
        joules = _package_joules()
        known = joules is not None and self.energy is not None and joules >= self.energy
        return {
            "wall_seconds": round(time.monotonic() - self.wall, 3),
            "cpu_seconds": round(time.process_time() - self.cpu, 3),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "rss_anonymous_bytes": _anonymous_bytes(),
            "energy_joules": round(joules - self.energy, 1) if known else None,  # type: ignore[operator]
            "cpu_count": os.cpu_count(),
        }


def _package_joules() -> float | None:
    total = 0
    counters = sorted(_RAPL.glob("intel-rapl:*/energy_uj")) if _RAPL.is_dir() else []
    for counter in counters:
        try:
            total += int(counter.read_text())
        except (OSError, ValueError):
            return None
    return total / 1e6 if counters else None


def _anonymous_bytes() -> int | None:
    """Resident memory that no file backs: what memory-mapped weights do not inflate."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return None
