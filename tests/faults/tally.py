"""The figures of a fault campaign, over all tests of a session."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """The figures of a campaign, one row for each kind of fault."""

    rows: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, kind: str, **figures: int) -> None:
        self.rows.setdefault(kind, Counter()).update(figures)

    def lines(self) -> list[str]:
        names = ("points", "struck", "reruns", "same")
        head = f"{'faults':<46}" + "".join(f"{name:>9}" for name in names)
        body = [f"{kind:<46}" + "".join(f"{row[name]:>9}" for name in names) for kind, row in self.rows.items()]
        total: Counter[str] = sum(self.rows.values(), Counter())
        return [head, *body, f"{'all':<46}" + "".join(f"{total[name]:>9}" for name in names)]


TALLY = Tally()
"""Of this process."""
