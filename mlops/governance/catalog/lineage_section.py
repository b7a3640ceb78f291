"""Where a contract rules: use cases, data sets and releases."""

from __future__ import annotations

from html import escape

from mlops.governance.catalog.results import KEPT, shown
from mlops.governance.lineage import ContractUses, ReleaseUse
from mlops.governance.page import table

_SHORT = len("sha256:") + 12


def lineage_section(uses: ContractUses | None) -> str:
    """Use cases that name the contract, releases made under it, and data sets checked against it, as HTML."""
    if uses is None:
        return '<p class="bad">The ledger could not be read for this.</p>'
    parts = [_use_cases(uses)]
    if not uses.has_ledger:
        return parts[0] + '<p class="soft">There is no ledger yet: nothing has run under it.</p>'
    return "\n".join([*parts, _releases(uses), _datasets(uses)])


def used_by(uses: ContractUses | None) -> str:
    """Names of the use cases, and the release that serves, for the list of contracts."""
    if uses is None:
        return '<span class="bad">not readable</span>'
    names = ", ".join(use.name for use in uses.use_cases) or "no use case"
    serving = [release.release for release in uses.releases if release.champion]
    made = f" <br><small>serves as {escape(', '.join(serving))}</small>" if serving else ""
    return f"{escape(names)}{made}"


def _use_cases(uses: ContractUses) -> str:
    problems = "".join(f'<p class="unsure">{escape(problem)}</p>' for problem in uses.problems)
    if not uses.use_cases:
        return f'{problems}<p class="soft">No use case names it.</p>'
    rows = [
        [
            escape(use.name),
            escape(use.part),
            f"{escape(use.gate)} <small>version {use.gate_version}</small>" if use.gate else "",
            f"<code>{escape(use.file)}</code>",
        ]
        for use in uses.use_cases
    ]
    return f"{problems}<h3>Use cases</h3>{table(['Use case', 'It rules the', 'Gate', 'File'], rows)}"


def _releases(uses: ContractUses) -> str:
    if not uses.releases:
        return '<h3>Releases</h3><p class="soft">No release was made under it.</p>'
    rows = [
        [
            escape(release.release),
            _standing(release),
            escape(release.version),
            escape(release.use_case),
            escape(shown(release.at)),
        ]
        for release in uses.releases[:KEPT]
    ]
    head = ["Release", "Standing", "Version", "Use case", "Registered"]
    return f"<h3>Releases</h3>{table(head, rows, ['', 'y', 'n', '', 'y'])}{_more(len(uses.releases))}"


def _standing(release: ReleaseUse) -> str:
    word = escape(release.standing.replace("_", " "))
    return f'<b class="good">{word}</b>' if release.champion else word


def _datasets(uses: ContractUses) -> str:
    if not uses.datasets:
        return '<h3>Data sets</h3><p class="soft">No data set was checked against it.</p>'
    rows = [
        [
            f'<code title="{escape(data.digest)}">{escape(data.digest[:_SHORT])}…</code>',
            escape(data.stage),
            "passed" if data.outcome == "done" else f'<b class="bad">{escape(data.outcome)}</b>',
            escape(data.version),
            f"{escape(data.use_case)} <small>{escape(data.run)}</small>",
            escape(shown(data.at)),
        ]
        for data in uses.datasets[:KEPT]
    ]
    head = ["Data set", "Checked by", "Result", "Version", "Use case and run", "When"]
    return f"<h3>Data sets</h3>{table(head, rows, ['y', '', 'y', 'n', 'y', 'y'])}{_more(len(uses.datasets))}"


def _more(count: int) -> str:
    return f'<p class="soft">And {count - KEPT} older.</p>' if count > KEPT else ""
