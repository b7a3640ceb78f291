"""The list of all contracts, with a search that needs no server and a list that needs no script."""

from __future__ import annotations

from html import escape

from mlops.governance.catalog.contract_page import counted, standing_of
from mlops.governance.catalog.gather import Broken, Catalog, Entry
from mlops.governance.catalog.heat_map import most_sensitive
from mlops.governance.catalog.lineage_section import used_by
from mlops.governance.catalog.policy_section import plain
from mlops.governance.catalog.results import shown
from mlops.governance.page import page

_STYLE = """
.search{display:flex;flex-wrap:wrap;align-items:center;gap:.6rem 1rem;margin:1.2rem 0 .6rem}
.search input{font:inherit;color:inherit;background:var(--band);border:1px solid var(--line);border-radius:.3rem;
padding:.45rem .7rem;flex:0 1 24rem;min-width:0}
tr[hidden]{display:none}td small,th small{font-weight:400}.index th,.index td:nth-child(-n+4){white-space:nowrap}
.index tbody td[colspan]{white-space:normal}
@media print{.index th,.index td:nth-child(-n+4){white-space:normal}}
@media screen and (max-width:46rem){.index th,.index td:nth-child(-n+4){white-space:normal}
.index table,.index tbody,.index tr,.index th,.index td{display:block;width:auto}.index thead{display:none}
.index tr{border-bottom:1px solid var(--line);padding:.6rem 0}.index tr[hidden]{display:none}
.index th,.index td{border:0;padding:.05rem 0}
.index td[data-name]::before{content:attr(data-name) ": ";color:var(--soft)}
.index td[data-name] br{display:none}.index td[data-name] small::before{content:"· "}
.search input{flex:1 1 100%}}
"""

# Every word has to occur in the row. The address keeps the search, so that it can be sent to somebody.
_SCRIPT = """
"use strict";
(function () {
  var box = document.getElementById("search"), told = document.getElementById("told");
  var rows = Array.prototype.slice.call(document.querySelectorAll(".index tbody tr"));
  function plain(text) { return text.normalize("NFKC").toLowerCase(); }
  var texts = rows.map(function (row) { return plain(row.textContent); });
  function search() {
    var words = plain(box.value).split(/\\s+/).filter(Boolean), count = 0;
    rows.forEach(function (row, place) {
      row.hidden = !words.every(function (word) { return texts[place].indexOf(word) !== -1; });
      if (!row.hidden) { count += 1; }
    });
    told.textContent = count + " of " + rows.length;
  }
  function read() {
    try { box.value = decodeURIComponent(location.hash.slice(1)); } catch (error) { box.value = ""; }
    search();
  }
  box.addEventListener("input", function () {
    history.replaceState(null, "", "#" + encodeURIComponent(box.value));
    search();
  });
  window.addEventListener("hashchange", read);
  document.getElementById("searching").hidden = false;
  read();
})();
"""
_COLUMNS = ("Contract", "Standing", "Last check", "Sensitivity", "Purposes", "Used by", "Owner")


def index_page(catalog: Catalog) -> str:
    """The catalog's first page; a function of its argument."""
    rows = [_row(entry) for entry in sorted(catalog.entries, key=lambda entry: (entry.contract.name, entry.page))]
    rows = [*(_broken(each, len(_COLUMNS)) for each in catalog.broken), *rows]
    titles = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    state = f"event {catalog.events} of {shown(catalog.at)}" if catalog.events else "no run yet"
    body = f"""<h1>Data contracts</h1>
{_summary(catalog)}
<div class="search screen" id="searching" hidden><input id="search" type="search" aria-label="Search the contracts"
placeholder="Search: a name, a purpose, a standing …" autocomplete="off" spellcheck="false">
<span class="soft" id="told" role="status"></span></div>
<div class="wide index" tabindex="0"><table>
<thead><tr>{titles}</tr></thead>
<tbody>
{chr(10).join(rows)}
</tbody></table></div>
<footer>Made from the contract files and the ledger ({escape(state)}).</footer>"""
    return page("Data contracts", body, style=_STYLE, script=_SCRIPT)


def _summary(catalog: Catalog) -> str:
    words = [standing_of(entry)[0] for entry in catalog.entries]
    counts = [f"{words.count(word)} {word}" for word in sorted(set(words))]
    if catalog.broken:
        counts.append(f"{len(catalog.broken)} broken")
    return f"<p>{len(catalog.entries) + len(catalog.broken)} contracts: {escape('; '.join(counts) or 'none')}.</p>"


def _row(entry: Entry) -> str:
    contract, number = entry.contract, counted(entry)
    word, mood = standing_of(entry)
    domain = str(contract.document.data.get("domain") or "")
    about = " · ".join(part for part in (contract.version, domain) if part)
    policy = contract.policy
    cells = [
        f'<span class="{mood}">{escape(word)}</span>',
        _checked(entry),
        f"{escape(most_sensitive(contract))} <br><small>{number['columns']} columns, {number['rules']} rules</small>",
        f"{escape(plain(list(policy.permitted_purposes)))} <br><small>{escape(plain(list(policy.residency)))}</small>",
        used_by(entry.uses),
        escape(_owner(entry)),
    ]
    body = "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in zip(_COLUMNS[1:], cells, strict=True))
    link = f'<a href="contracts/{entry.page}.html">{escape(contract.name)}</a>'
    return f'<tr><th scope="row">{link} <br><small>{escape(about)}</small></th>{body}</tr>'


def _checked(entry: Entry) -> str:
    if not entry.checks:
        return '<span class="soft">never</span>'
    check = entry.checks[-1]
    return (
        f'<span class="{"bad" if check.blocked else "good"}">{check.word}</span> <br><small>{shown(check.at)}</small>'
    )


def _owner(entry: Entry) -> str:
    team = entry.contract.document.data.get("team")
    return str(team.get("name") or "") if isinstance(team, dict) else ""


def _broken(broken: Broken, width: int) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in broken.findings)
    name = escape(broken.path.name)
    return (
        f'<tr><th scope="row">{name} <br><small>{escape(broken.path.parent.as_posix())}</small></th>'
        f'<td colspan="{width - 1}"><b class="bad">broken: it rules nothing</b><ul>{lines}</ul></td></tr>'
    )
