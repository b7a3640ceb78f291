"""The frame of every HTML page about contracts: one style sheet, nothing loaded from elsewhere, no time of its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--soft:#59636e;--back:#fff;--line:#d1d9e0;--band:#f3f5f7;--link:#0a58ca;
--good:#1a7f37;--bad:#c62828;--unsure:#8a6100;--quiet:#59636e;--heat:10,88,202}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9da7b1;--back:#0f1318;--line:#39424c;--band:#181d24;
--link:#79b8ff;--good:#4cc76a;--bad:#ff7b72;--unsure:#e3b341;--quiet:#9da7b1;--heat:121,184,255}}
*{box-sizing:border-box}[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:76rem;overflow-wrap:break-word;padding:1.5rem;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.12rem;margin:2.2rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
p,ul,ol{margin:.5rem 0}ul,ol{padding-left:1.3rem}li{margin:.15rem 0}
.text{max-width:46rem}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,input:focus-visible,.wide:focus-visible{outline:2px solid var(--link);
outline-offset:2px}
small,.soft{color:var(--soft)}
small{font-size:.86em}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.87em}
code{overflow-wrap:anywhere}
pre{margin:.4rem 0;padding:.6rem .8rem;background:var(--band);overflow-x:auto;white-space:pre-wrap;
overflow-wrap:anywhere}
.up{margin:0 0 .6rem;font-size:.9rem}
.verdict{border-left:.4rem solid currentColor;padding:.5rem .9rem;margin:1rem 0;background:var(--band)}
.verdict strong{font-size:1.25rem}.verdict span{color:var(--text)}
.good{color:var(--good)}.bad{color:var(--bad)}.unsure{color:var(--unsure)}.quiet{color:var(--quiet)}
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:600;font-size:.86em;white-space:nowrap}
tbody th{font-weight:600}tbody th.y{font-weight:400}
td.n,th.n{font-variant-numeric:tabular-nums;white-space:nowrap}
td.r,th.r{font-variant-numeric:tabular-nums;white-space:nowrap;text-align:right;padding-left:.7rem}
th.y,td.y{white-space:nowrap}td.t{min-width:11rem}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.25rem 1.2rem;margin:.5rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
svg{display:block;max-width:100%}svg text{fill:var(--soft);font-size:11px}
details{margin:.2rem 0}summary{cursor:pointer;color:var(--soft)}
footer{margin-top:3rem;padding-top:.6rem;border-top:1px solid var(--line);color:var(--soft);font-size:.86em}
@media screen and (max-width:40rem){body{padding:1rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
@media print{:root{color-scheme:light;--text:#000;--soft:#444;--back:#fff;--line:#bbb;--band:#f3f5f7;--link:#000;
--good:#14632b;--bad:#a51d1d;--unsure:#6b4b00;--quiet:#444;--heat:10,88,202}
@page{margin:14mm}body{max-width:none;padding:0;font-size:9.5pt}.screen{display:none!important}
.wide{overflow:visible}td.t,th.y,td.y{min-width:0;white-space:normal}details::details-content{content-visibility:visible;block-size:auto}h2,h3{break-after:avoid}tr,.verdict,svg{break-inside:avoid}thead{display:table-header-group}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def page(title: str, body: str, *, up: str = "", style: str = "", script: str = "") -> str:
    """A whole HTML page for screens light and dark, phones and paper.

    The page's own Content-Security-Policy forbids every request, frame and form, and every script but ``script``.

    Args:
        title: plain text, for the browser's tab.
        body: HTML that is already escaped.
        up: a link in HTML, shown above the body and left out on paper.
        style: rules of this page alone, after the shared ones; trusted.
        script: one inline script, allowed by its digest; trusted.

    Returns:
        The page; a function of its arguments, without a time of its own.
    """
    allowed = f"'sha256-{_digest(script)}'" if script else "'none'"
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )
    above = f'<p class="up screen">{up}</p>\n' if up else ""
    below = f"<script>{script}</script>\n" if script else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}{style}</style>
</head>
<body>
{above}{body}
{below}</body>
</html>
"""


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str] = ()) -> str:
    """A table in a box of its own, which scrolls where it is wider than the screen.

    Args:
        head: plain text, one per column.
        rows: cells in HTML that is already escaped; the first cell of each row is its header.
        classes: class per column, ``""`` for none: ``n`` for figures, ``r`` for figures to the right, ``y`` for no
            break, ``t`` for text that needs room.
    """
    kinds = [*classes, *[""] * (len(head) - len(classes))]
    titles = "".join(
        f'<th scope="col"{_class(kind)}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    body = "\n".join(_row(row, kinds) for row in rows)
    return (
        f'<div class="wide" tabindex="0"><table>\n<thead><tr>{titles}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _row(cells: Sequence[str], kinds: Sequence[str]) -> str:
    first, *others = cells
    rest = "".join(f"<td{_class(kind)}>{cell}</td>" for cell, kind in zip(others, kinds[1:], strict=True))
    return f'<tr><th scope="row"{_class(kinds[0])}>{first}</th>{rest}</tr>'


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """Names and values, one pair a line; the names are plain text, the values HTML that is already escaped."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in entries) + "</dl>"


def verdict(word: str, sentence: str, mood: str) -> str:
    """The page's answer in one look, both as plain text; ``mood`` is ``good``, ``bad``, ``unsure`` or ``quiet``."""
    return f'<div class="verdict {mood}"><strong>{escape(word)}</strong><br><span>{escape(sentence)}</span></div>'
