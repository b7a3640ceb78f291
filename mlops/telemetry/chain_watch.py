"""Watches the ledger's hash chain while it grows, from outside of the ledger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mlops.ledger.chain import GENESIS, Event, event_digest, verify_chain
from mlops.ledger.events import events, head
from mlops.ledger.store import Ledger


@dataclass
class ChainWatch:
    """The newest event seen and whether everything up to it held.

    New events are checked as they come; the whole chain is read again every ``recheck_seconds``, because a row that was
    read before may be changed after. The head in memory also shows a tail that was cut off, which a chain alone cannot.
    A break is never taken back: who repaired the ledger restarts the exporter.

    Attributes:
        recheck_seconds: time between two whole checks.
        seq, digest: newest event seen; 0 and zeros before the first.
        valid: nothing contradicted the chain so far.
        verified_at: when the whole chain was last read, whatever it showed (seconds since the epoch); 0: never.
    """

    recheck_seconds: float = 300.0
    seq: int = 0
    digest: str = GENESIS
    valid: bool = True
    verified_at: float = 0.0

    def read(self, ledger: Ledger) -> list[Event]:
        """The events that are new since the last call, checked; at times the whole chain is checked first.

        Raises:
            MlopsError: the ledger cannot be read; nothing changed here.
        """
        if time.time() - self.verified_at >= self.recheck_seconds:
            self._check_all(ledger)
        seq, digest = head(ledger)
        if seq < self.seq or (seq == self.seq and digest != self.digest):
            self.valid = False
        fresh = events(ledger, after=self.seq)
        self._follow(fresh)
        return fresh

    def _check_all(self, ledger: Ledger) -> None:
        if verify_chain(events(ledger)):
            self.valid = False
        self.verified_at = time.time()

    def _follow(self, fresh: Sequence[Event]) -> None:
        for event in fresh:
            fields = asdict(event)
            digest = fields.pop("digest")
            follows = event.seq == self.seq + 1 and event.previous == self.digest
            if not follows or event_digest(fields) != digest:
                self.valid = False
            self.seq, self.digest = event.seq, digest
