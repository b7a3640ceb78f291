"""The hash chain over events: each event's digest covers its fields and the digest of the one before it.

A changed, removed or inserted event breaks the chain from there on. A cut tail leaves a valid chain, so a head
``(seq, digest)`` is also anchored outside the ledger, signed, with every release.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlops.artifacts import canonical_json, digest_bytes
from mlops.ledger.errors import LedgerError

GENESIS = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Event:
    """One append-only record.

    Attributes:
        seq: 1, 2, 3 … without a gap.
        at: UTC, ISO 8601 with microseconds.
        kind: what happened, e.g. ``stage_done``.
        once: a name that can exist only one time in the ledger, or ``None``.
        body: JSON object; never holds a data value or a secret.
        previous: digest of event ``seq - 1``; ``sha256:000…`` for the first.
        digest: SHA-256 over the canonical JSON of all other fields.
    """

    seq: int
    at: str
    kind: str
    use_case: str | None
    run: str | None
    stage: str | None
    attempt: str | None
    actor: str
    once: str | None
    body: dict[str, Any]
    previous: str
    digest: str


def event_digest(fields: dict[str, Any]) -> str:
    """Digest of an event's fields without ``digest`` itself."""
    return digest_bytes(canonical_json(fields))


def event_line(event: Event) -> bytes:
    """The event as one canonical JSON line."""
    return canonical_json(asdict(event))


def parse_event(line: bytes) -> Event:
    """Read a line written by :func:`event_line`.

    Raises:
        LedgerError: not an event, or not in canonical form.
    """
    try:
        event = Event(**json.loads(line))
        canonical = event_line(event)
    except (TypeError, ValueError):
        raise LedgerError("LEDGER-010", "a line is not an event", todo="export the events again") from None
    if canonical != line:
        raise LedgerError("LEDGER-011", "an event is not in canonical form", todo="export the events again")
    return event


def verify_chain(events: Sequence[Event]) -> list[str]:
    """Check numbering, links and digests of a chain that starts at event 1.

    Returns:
        One sentence per problem, at most one per event; empty when the chain holds.
    """
    problems = []
    previous = GENESIS
    for expected, event in enumerate(events, start=1):
        fields = asdict(event)
        digest = fields.pop("digest")
        if event.seq != expected:
            problems.append(f"expected event {expected}, found {event.seq}")
            break
        if event.previous != previous:
            problems.append(f"event {event.seq} does not follow the one before it")
        elif event_digest(fields) != digest:
            problems.append(f"event {event.seq} was changed")
        previous = digest
    return problems
