"""The drift report: one self-contained HTML page, no script, nothing loaded from elsewhere, no data value."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_WIDTH, _HEIGHT, _PAD = 360, 40, 12
_WORDS = {"ok": "no alarm", "alarm": "alarm", "not_evaluated": "not evaluated"}
_STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--soft:#59636e;--back:#fff;--line:#d1d9e0;--band:#f3f5f7;
--ok:#1a7f37;--alarm:#c62828;--not_evaluated:#8a6100}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9da7b1;--back:#0f1318;--line:#39424c;--band:#181d24;
--ok:#4cc76a;--alarm:#ff7b72;--not_evaluated:#e3b341}}
*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:1.5rem;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.verdict{border-left:.4rem solid currentColor;padding:.4rem .9rem;margin:1rem 0;background:var(--band)}
.verdict strong{font-size:1.4rem}.verdict span{color:var(--text)}.ok{color:var(--ok)}.alarm{color:var(--alarm)}
.not_evaluated{color:var(--not_evaluated)}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.45rem .6rem;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
small,.soft{color:var(--soft)}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}svg{display:block;width:22.5rem;min-width:18rem;max-width:100%;
height:auto}svg text{fill:var(--soft);font-size:11px}
"""


def drift_page(report: Mapping[str, Any]) -> str:
    """Render a drift report as one HTML page for light and dark screens.

    Args:
        report: ``outcome``, ``reason``, ``use_case``, ``facts`` (shown in their order) and ``signals`` as
            ``Signal.to_json`` gives them; all text is escaped.

    Returns:
        The page; a function of its argument, without a time of its own.
    """
    outcome = str(report["outcome"])
    name = escape(str(report["use_case"]))
    rows = "\n".join(_row(signal) for signal in report["signals"])
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in report["facts"].items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift of {name}: {_WORDS[outcome]}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Drift <small>{name}</small></h1>
<div class="verdict {outcome}"><strong>{_WORDS[outcome]}</strong><br>
<span>{escape(str(report["reason"]))}</span></div>
<h2>Signals</h2>
<div class="wide"><table>
<thead><tr><th scope="col">Signal</th><th scope="col">Outcome</th><th scope="col">Effect and floor</th>
<th scope="col">Evidence</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p class="soft">The dot is the effect, a distance from 0 (same) to 1 (nothing in common); the dashed line is the floor.
A signal alarms when its effect reaches the floor and its adjusted p-value is below alpha, or at once when values go
missing or unknown categories appear.</p>
<h2>Facts</h2>
<dl>{facts}</dl>
</body>
</html>
"""


def _row(signal: Mapping[str, Any]) -> str:
    outcome = str(signal["outcome"])
    note = f"<br><small>{escape(str(signal['reason']))}</small>" if signal["reason"] else ""
    return (
        f'<tr><th scope="row">{escape(str(signal["name"]))}</th>'
        f'<td class="{outcome}"><b>{_WORDS[outcome]}</b>{note}</td>'
        f'<td>{_plot(signal)}</td><td class="n">{_evidence(signal)}</td></tr>'
    )


def _evidence(signal: Mapping[str, Any]) -> str:
    lines = [f"{signal['current_n']} conversations against {signal['reference_n']}"]
    if signal["p_value"] is not None:
        lines.append(f"p {_number(signal['p_value'])}")
    if signal["adjusted_p"] is not None:
        lines.append(f"adjusted p {_number(signal['adjusted_p'])}")
    before, after = signal["missing"]
    if before or after:
        lines.append(f"missing {_number(after)}, was {_number(before)}")
    return "<br>".join(escape(line) for line in lines)


def _plot(signal: Mapping[str, Any]) -> str:
    """Inline SVG of an effect against its floor, with the numbers in its label."""
    effect, floor = signal["effect"], signal["floor"]
    if effect is None or floor is None:
        return '<span class="soft">no effect</span>'

    def place(number: float) -> float:
        return round(_PAD + min(max(number, 0.0), 1.0) * (_WIDTH - 2 * _PAD), 1)

    text = f"effect {_number(effect)}, floor {_number(floor)}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(text)}" class="{signal["outcome"]}">'
        f'<line x1="{_PAD}" x2="{_WIDTH - _PAD}" y1="12" y2="12" stroke="var(--line)" stroke-width="3"/>'
        f'<line x1="{_PAD}" x2="{place(effect)}" y1="12" y2="12" stroke="currentColor" stroke-width="5"/>'
        f'<circle cx="{place(effect)}" cy="12" r="5" fill="currentColor"/>'
        f'<line x1="{place(floor)}" x2="{place(floor)}" y1="2" y2="22" stroke="var(--text)" stroke-width="2" '
        'stroke-dasharray="4 3"/>'
        f'<text x="{_PAD}" y="36">{escape(text)}</text></svg>'
    )


def _number(value: float) -> str:
    return f"{value:.3g}"
