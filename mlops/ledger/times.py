"""When events happened, as far as the ledger's order allows: clocks jump, sequence numbers do not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mlops.ledger.chain import Event


def settled_times(events: Sequence[Event], now: datetime) -> dict[int, datetime]:
    """The latest moment at which each event can have happened, by sequence number.

    No event happened after one that was recorded later, and none after ``now``; so a time stamp from a clock that was
    ahead is pulled back to the first believable one after it. Ages made from these times are never negative, and a
    wrong stamp can delay what waits for an age by that age at most, counted from the clock's correction.

    Args:
        events: in the order of the ledger.
        now: with a time zone.
    """
    found: dict[int, datetime] = {}
    latest = now
    for event in reversed(events):
        latest = min(latest, datetime.fromisoformat(event.at))
        found[event.seq] = latest
    return found
