"""Our pages inside Airflow's UI: releases, a run's record, a stage's report. For users that Airflow has logged in.

Read-only: a page shows what the ledger and the sealed artifacts say. No script, nothing loaded from elsewhere, no data
values: reports hold counts, and rows are never shown.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse

from mlops.approval_request import release_of_run
from mlops.artifacts import store_path
from mlops.errors import MlopsError
from mlops.ledger.events import Event, events
from mlops.ledger.store import Ledger, open_ledger
from mlops.pipeline import STAGE_NAMES
from mlops.registry.state import KINDS, Release, history, releases, standing
from mlops.runs import find_run
from mlops.settings import Settings, load_settings
from mlops_airflow.links import PREFIX
from mlops_airflow.run_ids import run_of

log = logging.getLogger(__name__)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--soft:#59636e;--back:#fff;--line:#d1d9e0;--band:#f3f5f7;--link:#0550ae;
--good:#1a7f37;--bad:#c62828;--wait:#8a6100}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9da7b1;--back:#0f1318;--line:#39424c;--band:#181d24;
--link:#79c0ff;--good:#4cc76a;--bad:#ff7b72;--wait:#e3b341}}
*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:1.5rem;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
a{color:var(--link)}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;
vertical-align:top;padding:.45rem .6rem;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}
td.n{font-variant-numeric:tabular-nums;text-align:right}code{overflow-wrap:anywhere;font-size:.9em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--soft)}dd{margin:0;
overflow-wrap:anywhere}.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}.soft{color:var(--soft)}
nav{margin-bottom:1rem}
"""
_TONES = {
    "champion": "good",
    "done": "good",
    "PASS": "good",
    "approved": "good",
    "failed": "bad",
    "blocked": "bad",
    "rejected": "bad",
    "FAIL": "bad",
    "rolled_back": "bad",
    "pending_approval": "wait",
    "INCONCLUSIVE": "wait",
}

app = FastAPI(
    title="mlops", docs_url=None, redoc_url=None, openapi_url=None,
    dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
)  # fmt: skip


def _page(title: str, body: str) -> HTMLResponse:
    nav = f'<nav><a href="{PREFIX}/releases">Releases</a></nav>'
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{nav}<h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(text, headers=_HEADERS)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{value}</dd>' for name, value in facts)}</dl>"


def _word(word: str) -> str:
    return f'<span class="{_TONES.get(word, "soft")}">{escape(word.replace("_", " "))}</span>'


def _link(path: str, text: str) -> str:
    return f'<a href="{PREFIX}{escape(quote(path))}">{escape(text)}</a>'


def _known() -> tuple[Settings, Ledger]:
    settings = load_settings()
    try:
        return settings, open_ledger(settings.ledger, create=False)
    except MlopsError as error:
        raise HTTPException(503, str(error)) from None


def _missing(what: str) -> HTTPException:
    return HTTPException(404, f"no such {what} in the ledger")


@app.get("/releases")
def releases_page() -> HTMLResponse:
    """All releases of all use cases, newest first."""
    _, ledger = _known()
    registry = events(ledger, kinds=KINDS)
    rows = [
        (
            _link(f"/releases/{item.release}", item.release),
            escape(item.use_case),
            _word(standing(item, history(registry, item.use_case))),
            _word(item.verdict),
            f"{len(item.approvals)} of {item.approvals_required}",
            escape(item.registered_at[:16]),
            _link(f"/runs/{item.run}", str(item.run)),
        )
        for item in reversed(releases(registry).values())
    ]
    if not rows:
        return _page("Releases", "<p>None yet: trigger a fine-tuning DAG.</p>")
    head = ("release", "use case", "standing", "gate", "approvals", "registered (UTC)", "run")
    return _page("Releases", _table(head, rows))


@app.get("/releases/{release}")
def release_page(release: str) -> HTMLResponse:
    """One release: what it is, who decided what, and how to check it."""
    _, ledger = _known()
    registry = events(ledger, kinds=KINDS)
    found = releases(registry).get(release)
    if found is None:
        raise _missing("release")
    changes = history(registry, found.use_case)
    facts = [
        ("standing", _word(standing(found, changes))),
        ("gate", _word(found.verdict)),
        ("owner", escape(found.owner)),
        ("triggered by", escape(found.triggered_by or "unknown")),
        ("compared with", escape(found.compared_with or "no champion")),
        ("run", _link(f"/runs/{found.run}", str(found.run))),
        ("dossier", f"<code>{escape(found.dossier)}</code>"),
        ("adapter", f"<code>{escape(found.adapter)}</code>"),
        ("check it again", f"<code>mlops verify {escape(found.release)}</code>"),
        ("undo", f"<code>mlops registry rollback {escape(found.use_case)} --reason WHY</code>"),
    ]
    return _page(found.release, _facts(facts) + _answers(found) + _changes(changes, release))


def _answers(release: Release) -> str:
    rows = [
        (_word(word), escape(item.approver), escape(item.role or ""), escape(item.statement), escape(item.at[:16]))
        for word, items in (("approved", release.approvals), ("rejected", release.rejections))
        for item in items
    ]
    return "<h2>Answers</h2>" + (
        _table(("answer", "person", "role", "statement", "at (UTC)"), rows) if rows else "<p>No person was asked.</p>"
    )


def _changes(changes: Sequence[Any], release: str) -> str:
    rows = [
        (_word(item.kind), escape(item.release), escape(item.previous or ""), escape(item.actor), escape(item.at[:16]))
        for item in changes
        if release in (item.release, item.previous)
    ]
    return "<h2>Changes of the champion</h2>" + (
        _table(("change", "release", "before", "by", "at (UTC)"), rows) if rows else "<p>None.</p>"
    )


@app.get("/dag-runs/{dag_id}/{dag_run_id:path}")
def dag_run_page(dag_id: str, dag_run_id: str) -> HTMLResponse:
    """The record of a DAG run."""
    return run_page(run_of(dag_id, dag_run_id))


@app.get("/runs/{run}")
def run_page(run: str) -> HTMLResponse:
    """What the ledger knows of a run."""
    _, ledger = _known()
    found = events(ledger, run=run)
    started = next((event for event in found if event.kind == "run_started"), None)
    if started is None:
        return _page(f"Run {run}", "<p>This run has not begun: its first task has not fixed the pins yet.</p>")
    trigger = started.body.get("trigger", {})
    facts = [
        ("use case", escape(started.use_case or "")),
        ("triggered by", escape(started.actor)),
        ("trigger", escape(" ".join(str(trigger.get(name, "")) for name in ("kind", "key")))),
        ("began (UTC)", escape(started.at[:19])),
        ("release", _link(f"/runs/{run}/release", "the release of this run")),
    ]
    pins = [(name, f"<code>{escape(_short(value))}</code>") for name, value in started.body["pins"].items()]
    body = _facts(facts) + "<h2>Stages</h2>" + _stages(run, found) + "<h2>Pins</h2>" + _facts(pins)
    return _page(f"Run {run}", body + "<h2>Everything, in order</h2>" + _history(found))


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return "none" if value is None else str(value)


def _stages(run: str, found: Sequence[Event]) -> str:
    newest = {event.stage: event for event in found if event.kind in ("stage_done", "stage_failed")}
    rows = []
    for name in STAGE_NAMES:
        event = newest.get(name)
        if event is None:
            continue
        done = event.kind == "stage_done"
        rows.append(
            (
                _link(f"/runs/{run}/{name}", name),
                _word(str(event.body["outcome"]) if done else "failed"),
                escape(_count(event.body.get("rows_in"))),
                escape(_count(event.body.get("rows_out"))),
                f"{event.body['seconds']:.1f}",
                "from the store" if event.body.get("hit") else "",
                f"<code>{escape(str(event.body.get('artifact', event.body.get('message', '')))[:19])}</code>",
            )
        )
    return _table(("stage", "outcome", "rows in", "rows out", "seconds", "cache", "artifact"), rows)


def _count(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _history(found: Sequence[Event]) -> str:
    rows = [
        (str(event.seq), escape(event.at[:19]), escape(event.kind), escape(event.stage or ""), escape(event.actor))
        for event in found
    ]
    return _table(("seq", "at (UTC)", "event", "stage", "by"), rows)


@app.get("/runs/{run}/release")
def run_release(run: str) -> Any:
    """The release of a run, or what is known instead."""
    _, ledger = _known()
    found = find_run(ledger, run)
    try:
        if found is not None:
            return RedirectResponse(f"{PREFIX}/releases/{quote(release_of_run(ledger, found).release)}")
    except MlopsError as error:
        log.info("%s", error)
    return _page("No release", f"<p>This run has registered none. {_link(f'/runs/{run}', 'See its record')}.</p>")


@app.get("/runs/{run}/{stage}")
def stage_page(run: str, stage: str) -> HTMLResponse:
    """What a stage reported: its own page where it wrote one, else its figures."""
    settings, ledger = _known()
    if stage not in STAGE_NAMES:
        raise _missing("stage")
    found = [event for event in events(ledger, kinds=["stage_done"], run=run) if event.stage == stage]
    if not found:
        return _page(f"{stage} of {run}", "<p>Not done yet.</p>")
    body = found[-1].body
    report = store_path(settings.store, str(body["artifact"])) / "report.html"
    if report.is_file():
        return HTMLResponse(report.read_text(encoding="utf-8"), headers=_HEADERS)
    facts = [
        ("outcome", _word(str(body["outcome"]))),
        ("reason", escape(str(body["reason"] or ""))),
        ("rows", f"{escape(_count(body['rows_in']))} in, {escape(_count(body['rows_out']))} out"),
        ("artifact", f"<code>{escape(str(body['artifact']))}</code>"),
        ("files", escape(", ".join(_files(store_path(settings.store, str(body["artifact"])))))),
    ]
    figures = [(str(name), f"<code>{escape(str(value))}</code>") for name, value in body["figures"].items()]
    page = _facts(facts) + "<h2>Figures</h2>" + (_facts(figures) if figures else "<p>None.</p>")
    return _page(f"{stage} of {run}", page)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())[:20]
