"""Who approved which version, and what each version changed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mlops.contracts.approvals import Standing
from mlops.contracts.diff import Change
from mlops.governance.catalog.gather import Entry, Version
from mlops.governance.page import table

GRADES = {
    "major_governance": ("breaking, data protection", "bad"),
    "major": ("breaking", "bad"),
    "minor": ("minor", "unsure"),
    "patch": ("patch", "quiet"),
}


def approvals_section(entry: Entry) -> str:
    """The approvals of the current version and those that it still lacks, as HTML."""
    standing = entry.standing
    if standing is None:
        return '<p class="bad">The approvals cannot be read.</p>'
    needed = ", ".join(standing.required) or "no role in particular; one person who is not the author"
    told = f"<p>{escape(_sentence(standing))} Needed: {escape(needed)}.</p>"
    return told + _approvals(entry, standing)


def _sentence(standing: Standing) -> str:
    if standing.approved:
        return "This version is approved, byte for byte."
    return f"{standing.reason}."


def _approvals(entry: Entry, standing: Standing) -> str:
    record = standing.record
    given = [
        [escape(each.role), escape(each.approver), escape(each.at.replace("T", " ")), escape(each.statement)]
        for each in (record.approvals if record else ())
    ]
    given += [[escape(role), '<span class="unsure">missing</span>', "", ""] for role in standing.missing]
    author = f"<p>Author of this version: {escape(record.author)}.</p>" if record else ""
    return author + (table(["Role", "Approved by", "When", "Statement"], given, ["", "", "y"]) if given else "")


def versions_section(entry: Entry) -> str:
    """Every version with its approvals and its changes, newest first, as HTML."""
    return "\n".join(_version(version) for version in entry.versions)


def _version(version: Version) -> str:
    marks = [*(["current"] if version.current else []), _approved_by(version)]
    title = f"<h3>{escape(version.version)} <small>{escape(', '.join(marks))}</small></h3>"
    difference = version.difference
    if difference is None:
        first = "The first version that is known here; there is nothing to compare it with."
        return f'{title}<p class="soft">{first if not version.before else "It could not be compared."}</p>'
    against = f"compared with {escape(version.before)}"
    if not difference.changes:
        return f'{title}<p class="soft">No change {against}.</p>'
    bump = "" if difference.ok else (
        f' <b class="bad">The version number says {escape(difference.actual_bump)}; '
        f"these changes need {escape(difference.required_bump)}.</b>"
    )  # fmt: skip
    return f"{title}<p>{_counted(difference.changes)}, {against}.{bump}</p>{_changes(difference.changes)}"


def _approved_by(version: Version) -> str:
    if version.record is None or not version.record.approvals:
        return "no approvals"
    return "approved by " + ", ".join(f"{each.approver} ({each.role})" for each in version.record.approvals)


def _counted(changes: Sequence[Change]) -> str:
    number = {grade: sum(change.grade == grade for change in changes) for grade in GRADES}
    words = [f"{count} {GRADES[grade][0]}" for grade, count in number.items() if count]
    return f"{len(changes)} {'change' if len(changes) == 1 else 'changes'}: {'; '.join(words)}"


def _changes(changes: Sequence[Change]) -> str:
    weight = list(GRADES)
    ordered = sorted(changes, key=lambda change: (weight.index(change.grade), change.path, change.id))
    rows = []
    for change in ordered:
        word, mood = GRADES[change.grade]
        where = f" <br><small><code>{escape(change.path)}</code></small>"
        rows.append([f'<span class="{mood}">{word}</span>', escape(change.message) + where])
    return table(["Grade", "Change"], rows, ["y", "t"])
