"""A comparison of contract versions for a terminal, for programs, and for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlops.contracts.diff import Change, ContractDiff, Grade
from mlops.governance.lineage import ContractUses

_GRADES: dict[Grade, str] = {
    "major_governance": "MAJOR + data protection",
    "major": "MAJOR",
    "minor": "MINOR",
    "patch": "PATCH",
}
_SHOWN = 10


@dataclass(frozen=True)
class Comparison:
    """Two versions of one contract and what follows from their difference.

    Attributes:
        contract: its name.
        old_version, new_version: None where the contract is new, or was removed.
        found: the difference.
        approvers: the roles that have to approve the new version, sorted.
        data_protection: the one of them that is asked because of what people were promised; None where it is not.
        uses: what the contract rules; a sentence where that is not known.
    """

    contract: str
    old_version: str | None
    new_version: str | None
    found: ContractDiff
    approvers: tuple[str, ...]
    data_protection: str | None
    uses: ContractUses | str


def to_json(comparison: Comparison, *, blast_radius: bool) -> dict[str, Any]:
    """``changes``, ``required_bump``, ``actual_bump``, ``ok``; and ``blast_radius`` where it is asked for.

    A new contract has no changes and requires no bump: its ``old_version`` is null.
    """
    found = comparison.found
    content: dict[str, Any] = {
        "changes": [asdict(change) for change in found.changes],
        "required_bump": found.required_bump,
        "actual_bump": found.actual_bump,
        "ok": found.ok,
    }
    if blast_radius:
        uses = comparison.uses
        content["blast_radius"] = {"problems": [uses]} if isinstance(uses, str) else asdict(uses)
    return content


def summary(comparison: Comparison) -> str:
    """The answer in one sentence."""
    found, versions = comparison.found, _versions(comparison)
    if comparison.old_version is None:
        return f"{versions}: a new contract."
    if comparison.new_version is None:
        return f"{versions}: {'removed' if found.ok else 'removed while it was in force'}."
    if not found.changes:
        return f"{versions}: nothing changed{'' if found.ok else ', and the version went down'}."
    count = f"{len(found.changes)} change{'s' if len(found.changes) > 1 else ''}"
    asked = f"{count}, a {found.required_bump} bump is required"
    if found.ok:
        return f"{versions}: {asked}; {'it is one' if found.actual_bump == found.required_bump else 'it is more'}."
    made = "the version was not raised" if found.actual_bump == "none" else f"it is only a {found.actual_bump} one"
    return f"{versions}: {asked}; {made}."


def _versions(comparison: Comparison) -> str:
    old, new = comparison.old_version, comparison.new_version
    return f"{comparison.contract} {' → '.join(version for version in (old, new) if version)}"


def print_text(comparisons: Sequence[Comparison], console: Console) -> None:
    """A table per contract on a terminal; as wide as it needs to be in a pipe."""
    for comparison in comparisons:
        mark = "ok" if comparison.found.ok else "NOT OK"
        console.print(Text(f"{mark}: {summary(comparison)}", style="green" if comparison.found.ok else "bold red"))
        if comparison.found.changes:
            console.print(_table(comparison.found.changes))
        for line in _after(comparison):
            console.print(Text(line))
        console.print()
    if not comparisons:
        console.print("ok: no contract changed.")


def _table(changes: Sequence[Change]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_lines=False)
    table.add_column("grade", width=max(map(len, " ".join(_GRADES.values()).split())))
    table.add_column("change", overflow="fold")
    for change in changes:
        weight = "bold" if change.grade.startswith("major") else ""
        table.add_row(Text(_GRADES[change.grade], style=weight), Text(f"{change.id}\n{change.message}"))
    return table


def _after(comparison: Comparison) -> Iterator[str]:
    if _asks_approval(comparison):
        yield f"approval      {_approval(comparison)}"
    for noun, entries in _blast_radius(comparison.uses):
        first, *others = entries or ["none"]
        yield f"{noun:<13} {first}"
        yield from (f"{'':<13} {entry}" for entry in others)


def _asks_approval(comparison: Comparison) -> bool:
    """Whether there is a version that nobody approved yet: a new contract, or a changed one."""
    is_new = comparison.old_version is None
    return comparison.new_version is not None and (is_new or bool(comparison.found.changes))


def _approval(comparison: Comparison) -> str:
    if not comparison.approvers:
        return "the contract names nobody who approves"
    return ", ".join(
        f"{role} (data protection)" if role == comparison.data_protection else role for role in comparison.approvers
    )


def _blast_radius(uses: ContractUses | str) -> Iterator[tuple[str, list[str]]]:
    """What the contract rules, as headings with entries."""
    if isinstance(uses, str):
        yield "blast radius", [f"not known: {uses}"]
        return
    gates = [f", gate {use.gate} version {use.gate_version}" if use.gate else "" for use in uses.use_cases]
    yield "use cases", [f"{use.name} ({use.part}{gate})" for use, gate in zip(uses.use_cases, gates, strict=True)]
    if not uses.has_ledger:
        yield "data sets", ["not known: there is no ledger here, nothing has run yet"]
        yield "releases", ["not known: there is no ledger here, nothing has run yet"]
    else:
        datasets = [
            f"{each.digest[7:19]} ({each.stage} of {each.use_case}, {each.version}, {each.outcome}, {each.at[:10]})"
            for each in uses.datasets
        ]
        releases = [f"{each.release} ({each.standing}, {each.version}, {each.at[:10]})" for each in uses.releases]
        yield "data sets", _first(datasets)
        yield "releases", _first(releases)
    if uses.problems:
        yield "not read", list(uses.problems)


def _first(entries: list[str]) -> list[str]:
    left = len(entries) - _SHOWN
    return [*entries[:_SHOWN], f"and {left} older ones (--json --blast-radius)"] if left > 0 else entries


def to_markdown(comparisons: Sequence[Comparison]) -> str:
    """A comment for a pull request; every word of a contract is escaped."""
    bad = [each.contract for each in comparisons if not each.found.ok]
    title = "no contract changed" if not comparisons else f"{len(comparisons)} changed"
    verdict = f", {len(bad)} with too small a version" if bad else ", every version is large enough"
    lines = [f"## Data contracts: {title}{verdict if comparisons else ''}", ""]
    for comparison in comparisons:
        lines += [f"### {'✅' if comparison.found.ok else '❌'} {_plain(summary(comparison))}", ""]
        lines += _markdown_changes(comparison.found.changes)
        if _asks_approval(comparison):
            lines += [f"**Has to approve:** {_plain(_approval(comparison))}", ""]
        lines += ["**Blast radius**", ""]
        for noun, entries in _blast_radius(comparison.uses):
            lines.append(f"- {noun}: {'; '.join(map(_plain, entries)) or 'none'}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _markdown_changes(changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    rows = [
        f"| {_GRADES[change.grade]} | {_plain(change.id)} | {change.kind} | {_plain(change.message)} |"
        for change in changes
    ]
    return ["| grade | what | kind | meaning |", "|---|---|---|---|", *rows, ""]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no link, and nobody is notified."""
    escaped = "".join(f"&#{ord(letter)};" if letter in _MARKUP else letter for letter in text)
    return escaped.replace("@", "@<!-- -->").replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")


_MARKUP = frozenset("\\`*_{}[]<>#+!|~&$^=\"'")
