"""Small inline drawings of results over time; each says in words what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mlops.governance.catalog.results import Check, RuleOutcome, shown

MOODS = {"pass": "good", "warn": "unsure", "fail": "bad", "error": "bad"}
_HEIGHT, _BAR, _GAP, _TOP, _BOTTOM = 92, 13, 7, 22, 18
_STRIP = {"pass": 4, "warn": 8, "fail": 13, "error": 13}

STYLE = """
.trends{display:flex;flex-wrap:wrap;gap:.8rem 2.5rem}.trends figure{margin:.4rem 0}
.trends figcaption{color:var(--soft);font-size:.86em}
.strip{display:inline-block;vertical-align:baseline}
"""


def trends(checks: Sequence[Check]) -> str:
    """How many rules did not pass, and what share of the records was set aside, check by check."""
    broken = [[(check.counts[name], MOODS[name]) for name in ("error", "fail", "warn")] for check in checks]
    aside = [[(100 * check.share_set_aside, "bad" if check.blocked else "unsure")] for check in checks]
    return (
        '<div class="trends">'
        + _figure("Rules that did not pass", checks, broken, "")
        + _figure("Records set aside, % of those read", checks, aside, "%")
        + "</div>"
    )


def _figure(title: str, checks: Sequence[Check], stacks: Sequence[Sequence[tuple[float, str]]], unit: str) -> str:
    totals = [sum(value for value, _ in stack) for stack in stacks]
    top = max(totals, default=0) or 1
    width = max(240, len(checks) * (_BAR + _GAP) + 60)
    scale = (_HEIGHT - _TOP - _BOTTOM) / top
    base = _HEIGHT - _BOTTOM
    drawn = []
    for position, (check, stack, total) in enumerate(zip(checks, stacks, totals, strict=True)):
        left, level = position * (_BAR + _GAP), float(base)
        marks = []
        for value, mood in stack:
            if value:
                tall = max(value * scale, 1.5)
                level -= tall
                marks.append(_bar(left, level, tall, mood))
        label = f"{shown(check.at)}, version {check.version}: {total:.3g}{unit}"
        body = "".join(marks) or _bar(left, base - 1.5, 1.5, "quiet")
        drawn.append(f"<g><title>{escape(label)}</title>{body}{_number(left, level, total, unit)}</g>")
    words = f"{title}, oldest first: {', '.join(f'{total:.3g}{unit}' for total in totals)}"
    first = escape(shown(checks[0].at)[:10])
    last = escape(shown(checks[-1].at)[:10])
    ends = f"{first} to {last}" if first != last else first
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg width="{width}" height="{_HEIGHT}" viewBox="0 0 {width} {_HEIGHT}" role="img" '
        f'aria-label="{escape(words)}">'
        f'<line x1="0" x2="{width}" y1="{base + 0.5}" y2="{base + 0.5}" stroke="var(--line)"/>{"".join(drawn)}'
        f'<text x="0" y="{_HEIGHT - 3}">{ends}</text></svg></figure>'
    )


def _bar(left: float, top: float, tall: float, mood: str) -> str:
    return f'<rect class="{mood}" x="{left}" y="{top:.1f}" width="{_BAR}" height="{tall:.1f}" fill="currentColor"/>'


def _number(left: float, level: float, total: float, unit: str) -> str:
    middle = left + _BAR / 2
    anchor = "start" if left == 0 else "middle"
    place = left if anchor == "start" else middle
    text = f"{total:.1f}" if unit and total < 10 else f"{total:.0f}"
    return f'<text x="{place}" y="{level - 4:.1f}" text-anchor="{anchor}">{text}</text>' if total else ""


def strip(outcomes: Sequence[RuleOutcome | None]) -> str:
    """One rule over the checks, oldest first: the taller the bar, the worse. None: not known."""
    words = ", ".join(each.outcome if each else "not known" for each in outcomes)
    bars = []
    for position, each in enumerate(outcomes):
        if each is not None and each.outcome in MOODS:
            tall = _STRIP[each.outcome]
            place = f'x="{position * 6}" y="{14 - tall}" width="4" height="{tall}"'
            bars.append(f'<rect class="{MOODS[each.outcome]}" {place} fill="currentColor"/>')
    width = max(6 * len(outcomes), 6)
    return (
        f'<svg class="strip" width="{width}" height="14" viewBox="0 0 {width} 14" role="img" '
        f'aria-label="{escape(words)}">{"".join(bars)}</svg>'
    )
