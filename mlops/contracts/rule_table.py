"""All rules of lint as a table: what a reviewer looks a code up in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlops.contracts.lint_rules import LINT_RULES
from mlops.contracts.packs.run import PACK_RULES
from mlops.contracts.profile import PROFILE_RULES

COMMAND = "mlops contract rules --markdown > docs/contract-rules.md"


@dataclass(frozen=True)
class Row:
    """One rule: its code, ``error`` or ``warning``, what it asks in a sentence, and of a law the place."""

    code: str
    severity: str
    asks: str
    article: str = ""


@dataclass(frozen=True)
class Section:
    """Rules that are asked under one condition, in the order of their codes."""

    title: str
    about: str
    rows: tuple[Row, ...]


def _found(number: str, asks: str) -> Row:
    return Row(f"CONTRACT-{number}", "error", asks)


_READING = (
    _found("001", "The file is there and can be read."),
    _found("002", "It is YAML in UTF-8 with a mapping at the top: at most 1 MiB, 40 levels deep, plain types only."),
    _found("003", "No key is written twice in one mapping."),
    _found("004", "Aliases are few (at most 20), and none contains itself."),
    _found("012", "There is at least one contract file to look at."),
    _found("013", "Of the files that are looked at, no two in one folder have the same name or id."),
)
_COMPILING = (
    _found("010", "Every clause can be turned into a check that an engine here runs."),
    _found("011", "Every query is one SELECT of one value from the declared columns."),
    _found("014", "What a query returns is a count, or a share worked out of counts, and never a cell of the data."),
    _found("062", "A rule of the engine `mlops` names a check that exists, with arguments that it takes."),
)
_WAIVERS = (
    _found("063", "A waiver gives rule, owner, reason and the day it expires (YYYY-MM-DD), and nothing else."),
    _found("064", "It names a rule of the contract, as OBJECT[.PROPERTY].CLAUSE, that is run and not a person's."),
    _found("065", "The rule is not critical, as what a property says of itself always is."),
    _found("066", "No rule is waived twice."),
    _found("067", "The last day of a waiver is not past."),
)
_OF_THE_CONTRACT = tuple(Row(rule.code, rule.severity, rule.asks) for rule in LINT_RULES)
_LAWS = {
    "GDPR": "Regulation (EU) 2016/679.",
    "CCPA": "The California Consumer Privacy Act as amended by the CPRA.",
    "HIPAA": "The Security and Privacy Rules, 45 CFR Part 164.",
}


def sections() -> Iterator[Section]:
    """The whole table, in the order in which lint asks."""
    yield Section("The file", "Asked first; where one is broken, nothing else is.", _READING)
    profile = tuple(Row(rule.code, rule.severity, rule.asks) for rule in PROFILE_RULES)
    yield Section("A contract", "Asked next, all together. A file that breaks one is no contract.", profile)
    yield Section("Checks", "Asked of a contract: can all of it be run?", _COMPILING)
    yield Section("Governance", "Asked of a contract: does it say what people have to know?", _OF_THE_CONTRACT)
    yield Section("Waivers", "Asked of `mlops.waivers`, the rules that are not run for now.", _WAIVERS)
    for law, about in _LAWS.items():
        found = [rule for rule in PACK_RULES if rule.regulation == law]
        rows = tuple(Row(rule.code, rule.severity, rule.title, rule.article) for rule in found)
        yield Section(law, f"{about} Asked where `mlops.regulations` names {law}.", rows)


def to_markdown() -> str:
    """The page ``docs/contract-rules.md``."""
    lines = [
        "# Rules of contract lint",
        "",
        f"Written by `{COMMAND}`; a test fails where it is older than the code.",
        "",
        "`mlops contract lint` prints what it finds as `file:line: CODE message — what to do`. An error ends it with",
        "exit code 20 and keeps the contract from being approved. A warning is for the reviewer.",
        "",
        "The packs for GDPR, CCPA and HIPAA look at what a contract declares. They cannot see what is done with the",
        "data, they leave out what a contract cannot show, and they are no legal advice.",
    ]
    for section in sections():
        law = any(row.article for row in section.rows)
        lines += ["", f"## {section.title}", "", section.about, ""]
        lines += ["| code | severity | place | asks |" if law else "| code | severity | asks |"]
        lines += ["|---|---|---|---|" if law else "|---|---|---|"]
        lines += [_line(row, law) for row in section.rows]
    return "\n".join(lines) + "\n"


def _line(row: Row, law: bool) -> str:
    cells = [row.code, row.severity, *([row.article] if law else []), row.asks]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
