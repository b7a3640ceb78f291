"""A contract as a dataset card: a README with YAML front matter, in the form that the Hugging Face Hub reads.

It follows the Hub's own card template. What neither the contract nor the ledger knows is left out, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mlops.contracts.contract import Contract
from mlops.contracts.nodes import custom_properties, list_of, mapping_of
from mlops.contracts.plan import Rule
from mlops.governance.catalog import heat_map
from mlops.governance.catalog.card_front_matter import front_matter, languages, licence, splits_in_order
from mlops.governance.catalog.gather import Entry
from mlops.governance.catalog.policy_section import agreements_in_words, plain
from mlops.governance.catalog.results import Check, shown
from mlops.governance.catalog.rules_section import descriptions
from mlops.governance.catalog.words import in_words


def dataset_card(entry: Entry) -> str:
    """The card as Markdown; a function of its argument. All text of the contract is escaped."""
    measured = _measured(entry)
    sections = (
        front_matter(entry.contract, measured),
        f"# Dataset Card for {_text(entry.contract.name)}\n\n{_described(entry.contract, 'purpose')}".strip(),
        _details(entry),
        _uses(entry.contract),
        _structure(entry.contract, measured),
        _creation(entry),
        _limits(entry, measured),
        _contact(entry.contract),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _measured(entry: Entry) -> Check | None:
    """The newest check that let the data pass: only that data can be described."""
    return next((check for check in reversed(entry.checks) if not check.blocked), None)


def _details(entry: Entry) -> str:
    contract = entry.contract
    team = mapping_of(contract.document.data.get("team")).get("name")
    standing = "approved" if entry.standing and entry.standing.approved else "not approved"
    terms = licence(contract)
    lines = {
        "Curated by": _text(team) if team else "",
        "Language(s)": ", ".join(languages(contract)),
        "License": terms.get("license_name") or terms.get("license", ""),
        "Contract": f"{_code(contract.id)} {_text(contract.version)}, {_text(contract.status)}, {standing}",
        "Digest of the contract": _code(contract.digest),
    }
    links = [
        f"- **{_text(link.get('type'))}:** {_text(link.get('url'))}"
        for link in map(mapping_of, list_of(contract.document.data.get("authoritativeDefinitions")))
    ]
    sources = "\n\n### Dataset Sources\n\n" + "\n".join(links) if links else ""
    return "## Dataset Details\n\n### Dataset Description\n\n" + _bullets(lines) + sources


def _uses(contract: Contract) -> str:
    policy = contract.policy
    direct = {
        "Permitted purposes": _words(policy.permitted_purposes),
        "Legal basis": _text(policy.legal_basis),
        "Residency": _words(policy.residency),
        "Roles with access": _words(policy.roles),
    }
    forbidden = _bullets({"Prohibited purposes": _words(policy.prohibited_purposes)})
    usage = _described(contract, "usage")
    return (
        "## Uses\n\n### Direct Use\n\n" + "\n\n".join(part for part in (usage, _bullets(direct)) if part)
        + "\n\n### Out-of-Scope Use\n\n" + "\n\n".join(
            part for part in (forbidden, "Every purpose that is not permitted above is out of scope.") if part
        )
    )  # fmt: skip


def _structure(contract: Contract, measured: Check | None) -> str:
    parts = ["## Dataset Structure"]
    for each in contract.objects:
        note = str(each.entry.get("description") or each.entry.get("dataGranularityDescription") or "")
        rows = [
            (
                _code(column.column),
                column.logical_type,
                "yes" if column.required or column.primary_key else "no",
                _text(heat_map.classification(column)),
                _text(column.entry.get("description") or ""),
            )
            for column in each.properties
        ]
        table = _table(("column", "type", "required", "classification", "meaning"), rows)
        parts.append("\n\n".join(part for part in (f"### {_text(each.name)}", _text(note), table) if part))
    if measured and measured.splits:
        counts = [(name, f"{count:,}") for name, count in splits_in_order(measured).items()]
        parts.append("### Splits\n\n" + _table(("split", "rows"), counts))
    return "\n\n".join(parts)


def _creation(entry: Entry) -> str:
    """Which rules the data has passed, and what it holds of people."""
    contract = entry.contract
    why = dict(descriptions(contract))
    rules = [f"- {_text(_rule(rule, why[rule.id]))}" for rule in entry.plan.rules if rule.id in why]
    rules += [f"- {_text(item.text)} (a person confirms it)" for item in _confirmed_by_people(entry)]
    parts = ["## Dataset Creation"]
    if rules:
        head = "### Data Collection and Processing\n\nBesides the types and bounds of its columns, the data is checked"
        parts.append(f"{head} against these rules:\n\n" + "\n".join(rules))
    parts.append("### Personal and Sensitive Information\n\n" + _bullets(dict(_personal(contract))))
    return "\n\n".join(parts)


def _rule(rule: Rule, why: str) -> str:
    """A rule with its reason; a query has its meaning in the sentence already."""
    sentence = in_words(rule, why)
    return sentence if not why or rule.kind in ("sql", "named") else f"{sentence} Why: {why}."


def _confirmed_by_people(entry: Entry) -> list[Any]:
    return [item for item in entry.plan.human if not item.id.startswith("sla.")]


def _personal(contract: Contract) -> Iterator[tuple[str, str]]:
    declared = custom_properties(contract.document.data)
    found = list(heat_map.columns(contract))
    yield "Most sensitive classification", _text(heat_map.most_sensitive(contract))
    tagged = [f"{_code(f'{each.object}.{each.name}')} ({_words(each.tags)})" for each in found if each.tags]
    yield "Tagged columns", ", ".join(tagged)
    for key, name in (
        ("mlops.dataSubjects", "Data subjects"),
        ("mlops.regulations", "Regulations"),
        ("mlops.masking", "Masking"),
    ):
        if key in declared:
            yield name, _text(plain(declared[key]))
    agreed = [_text(words) for _, words in agreements_in_words(contract)]
    yield "Agreements", "; ".join(agreed)
    deletion = mapping_of(declared.get("mlops.deletion"))
    if deletion:
        yield "Deletion", f"on request within {_text(plain(deletion.get('maxDays')))} days"


def _limits(entry: Entry, measured: Check | None) -> str:
    parts = ["## Bias, Risks, and Limitations", _described(entry.contract, "limitations")]
    if measured is None:
        parts.append("No data was checked against this contract yet.")
        return "\n\n".join(part for part in parts if part)
    aside = f" {measured.set_aside:,} broke a rule and were set aside." if measured.set_aside else ""
    parts.append(
        f"Last check on {shown(measured.at)}, against version {_text(measured.version)}: {measured.rows_in:,} rows "
        f"read, {measured.rows_out:,} passed on.{aside} Coverage: {_text(measured.coverage)}."
    )
    broken = {key: each for key, each in (measured.rules or {}).items() if each.outcome != "pass"}
    rows = [
        (_code(key), each.outcome, "" if each.observed is None else f"{each.observed:,.4g}", _text(each.threshold))
        for key, each in broken.items()
    ]
    if rows:
        parts.append("Rules that did not pass:\n\n" + _table(("rule", "outcome", "observed", "threshold"), rows))
    return "\n\n".join(part for part in parts if part)


def _contact(contract: Contract) -> str:
    roles = map(mapping_of, list_of(contract.document.data.get("roles")))
    approvers = {
        str(role[key]) for role in roles for key in ("firstLevelApprovers", "secondLevelApprovers") if role.get(key)
    }
    team = mapping_of(contract.document.data.get("team")).get("name")
    lines = {"Team": _text(team) if team else "", "Access is granted by": _words(sorted(approvers))}
    return "## Dataset Card Contact\n\n" + _bullets(lines) if any(lines.values()) else ""


def _described(contract: Contract, key: str) -> str:
    return _text(mapping_of(contract.document.data.get("description")).get(key) or "")


def _bullets(lines: dict[str, str]) -> str:
    return "\n".join(f"- **{name}:** {value}" for name, value in lines.items() if value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _words(words: Sequence[str]) -> str:
    return ", ".join(_text(word) for word in words)


def _text(value: Any) -> str:
    """A text of the contract in one line, without what Markdown or HTML would make of it."""
    line = " ".join(str(value).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|~])", r"\\\1", line)


def _code(text: str) -> str:
    """A name as code; a fence longer than any in it, and no bar, which would end a table's cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"
