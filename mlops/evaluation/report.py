"""The gate report: one self-contained HTML page, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mlops.evaluation.catalog import METRICS
from mlops.evaluation.verdict import MetricVerdict, Verdict

_WIDTH, _HEIGHT, _PAD = 360, 44, 12
_STEPS = {
    "done": "the candidate may be registered",
    "approval": "people must decide before the candidate may be registered",
    "blocked": "the candidate stops here; no release comes of it",
}
_STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--soft:#59636e;--back:#fff;--line:#d1d9e0;--band:#f3f5f7;
--PASS:#1a7f37;--FAIL:#c62828;--INCONCLUSIVE:#8a6100;--SKIPPED:#59636e}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9da7b1;--back:#0f1318;--line:#39424c;--band:#181d24;
--PASS:#4cc76a;--FAIL:#ff7b72;--INCONCLUSIVE:#e3b341;--SKIPPED:#9da7b1}}
*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:1.5rem;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.verdict{border-left:.4rem solid currentColor;padding:.4rem .9rem;margin:1rem 0;background:var(--band)}
.verdict strong{font-size:1.4rem}.verdict span{color:var(--text)}.PASS{color:var(--PASS)}.FAIL{color:var(--FAIL)}
.INCONCLUSIVE{color:var(--INCONCLUSIVE)}.SKIPPED{color:var(--SKIPPED)}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.45rem .6rem;
border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}td.n{font-variant-numeric:tabular-nums;
white-space:nowrap}small,.soft{color:var(--soft)}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}svg{display:block;width:22.5rem;min-width:18rem;max-width:100%;height:auto}
svg text{fill:var(--soft);font-size:11px}
"""


def gate_report(verdict: Verdict, meta: Mapping[str, str]) -> str:
    """Render a verdict as one HTML page for light and dark screens.

    Args:
        verdict: as the gate gave it.
        meta: facts about the run, shown in their order (use case, run, candidate, base model); all text is escaped.

    Returns:
        The page; a function of its arguments, without a time of its own.
    """
    title = escape(f"Gate {verdict.gate} version {verdict.version}: {verdict.outcome}")
    rows = "\n".join(_row(metric) for metric in verdict.metrics)
    facts = {
        **meta,
        "alpha, one-sided": _number(verdict.alpha),
        "power": _number(verdict.power),
        "rules": verdict.gate_digest,
        "harness": verdict.harness or "none shared by all scores",
        **{f"scores of {name}": digest for name, digest in verdict.scores.items()},
    }
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Gate {escape(verdict.gate)} <small>version {verdict.version}</small></h1>
<div class="verdict {verdict.outcome}"><strong>{verdict.outcome}</strong><br>
<span>{_STEPS[verdict.next_step]}</span></div>
{_summary(verdict)}
<h2>Rules</h2>
<div class="wide"><table>
<thead><tr><th scope="col">Metric</th><th scope="col">Rule</th><th scope="col">Outcome</th>
<th scope="col">Interval and threshold</th><th scope="col">Evidence</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p class="soft">The bar is the interval whose ends are one-sided bounds at alpha, the dot the value, the dashed line the
threshold. A rule passes when the whole bar is on the good side (shaded), fails when none of it is, and is inconclusive
otherwise. Detectable: how far from the threshold the truth must lie to pass with the stated power at this number of
examples. Needed: examples to conclude with that power if the observed value is the truth.</p>
<h2>Facts</h2>
<dl>{"".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items())}</dl>
</body>
</html>
"""


def _summary(verdict: Verdict) -> str:
    decisive = [metric for metric in verdict.metrics if metric.tier != "advisory"]
    counts = {name: sum(metric.outcome == name for metric in decisive) for name in ("PASS", "FAIL", "INCONCLUSIVE")}
    text = f"{counts['PASS']} pass, {counts['FAIL']} fail, {counts['INCONCLUSIVE']} inconclusive"
    return f"<p>Of {len(decisive)} rules that decide: {text}. Advisory rules are shown and decide nothing.</p>"


def _row(metric: MetricVerdict) -> str:
    known = METRICS.get(metric.id)
    meaning = known.meaning if known else ""
    note = f"<br><small>{escape(metric.note)}</small>" if metric.note else ""
    return (
        f'<tr><th scope="row">{escape(metric.id)}<br><small>{escape(meaning)}</small></th>'
        f"<td>{escape(_rule(metric))}<br><small>{escape(metric.tier)}</small></td>"
        f'<td class="{metric.outcome}"><b>{metric.outcome}</b>{note}</td>'
        f'<td>{_plot(metric)}</td><td class="n">{_evidence(metric)}</td></tr>'
    )


def _rule(metric: MetricVerdict) -> str:
    sign = "at most" if metric.rule == "ceiling" else "at least"
    what = "advantage " if metric.rule.startswith("versus") else ""
    return f"{metric.rule}: {what}{sign} {_number(metric.threshold)}"


def _evidence(metric: MetricVerdict) -> str:
    lines = [f"{metric.n} examples, {metric.clusters} conversations"]
    if metric.discordant is not None:
        lines.append(f"{metric.discordant} differ")
    if metric.p_value is not None:
        lines.append(f"p {_number(metric.p_value)}")
    if metric.mde is not None:
        lines.append(f"detectable {_number(metric.mde)}")
    if metric.required_n is not None:
        lines.append(f"needed {metric.required_n}")
    if metric.interval is not None:
        lines.append(metric.interval.method.replace("_", " "))
    return "<br>".join(escape(line) for line in lines)


def _plot(metric: MetricVerdict) -> str:
    """Inline SVG of one interval against its threshold, with the numbers in its label."""
    if metric.interval is None or metric.value is None:
        return '<span class="soft">no interval</span>'
    low, high, bar = metric.interval.low, metric.interval.high, metric.threshold
    start, end = min(low, bar), max(high, bar)
    margin = (end - start) * 0.12 or 0.05
    start, end = start - margin, end + margin

    def place(number: float) -> float:
        return round(_PAD + (number - start) / (end - start) * (_WIDTH - 2 * _PAD), 1)

    text = f"{_number(metric.value)} [{_number(low)}, {_number(high)}], threshold {_number(bar)}"
    good = (place(bar), _WIDTH - _PAD) if metric.rule != "ceiling" else (_PAD, place(bar))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(text)}" class="{metric.outcome}">'
        f'<rect x="{good[0]}" y="4" width="{max(0.0, round(good[1] - good[0], 1))}" height="20" fill="currentColor" '
        'opacity="0.10"/>'
        f'<line x1="{place(low)}" x2="{place(high)}" y1="14" y2="14" stroke="currentColor" stroke-width="5"/>'
        f'<circle cx="{place(metric.value)}" cy="14" r="5" fill="currentColor"/>'
        f'<line x1="{place(bar)}" x2="{place(bar)}" y1="2" y2="26" stroke="var(--text)" stroke-width="2" '
        'stroke-dasharray="4 3"/>'
        f'<text x="{_PAD}" y="40">{escape(text)}</text></svg>'
    )


def _number(value: float) -> str:
    return f"{value:.4g}"
