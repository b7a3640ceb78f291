"""The printed table: Markdown, a line as soon as it is known, each figure beside its target."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops.privacy.evaluation import Share


@dataclass
class Table:
    """Lines of the printed table, in Markdown."""

    lines: list[str] = field(default_factory=list)

    def head(self, title: str, *columns: str) -> None:
        self.lines += ["", f"**{title}**", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        print("\n".join(self.lines[-4:]), flush=True)

    def row(self, *cells: str) -> None:
        self.lines.append(f"| {' | '.join(cells)} |")
        print(self.lines[-1], flush=True)


def verdict(value: float | None, least: float) -> str:
    return "–" if value is None else "met" if value >= least else "**missed**"


def shown(share: Share) -> str:
    if share.value is None:
        return "–"
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f}–{high:.3f})"
