"""The result of a check: counts and record ids, never a cell value."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa

from mlops.contracts.contract import HumanItem
from mlops.contracts.plan import BLOCKING

Outcome = Literal["pass", "fail", "warn", "error"]
_SAMPLE = 20
_LISTED = 1_000
_SAFE_ID = re.compile(r"[0-9a-f]{16,64}")
_CARD = re.compile(r"[1-9][0-9]{15,18}")


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule.

    Attributes:
        id: ``OBJECT[.PROPERTY].CLAUSE``.
        outcome: ``pass``; ``fail`` (blocking severity); ``warn`` (a failure of severity ``warning`` or ``info``);
            ``error``: the rule could not be evaluated, which always blocks.
        observed: offending rows, percent or the number that the rule asks for; None where that would be a cell value.
        threshold: what the rule asks for, in words: its operator, or the bounds that its engine judges by.
        total: rows of the object.
        row_level: the failure is that of single records, which ``ContractReport.offending`` names.
        detail: a remark that quotes the contract only.
        denominator: rows that ``observed`` is out of: all rows, null ones too, or for an expectation with ``mostly``
            the rows it judged; None where ``observed`` is no count of rows.
        sample: at most 20 of the offending records, printable, those whose SHA-256 is smallest: the same ones
            whatever the order of the rows.
    """

    id: str
    object: str
    property: str | None
    kind: str
    outcome: Outcome
    severity: str
    observed: float | None
    threshold: str
    total: int
    row_level: bool
    detail: str
    denominator: int | None = None
    sample: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """Every declared clause is executed, or a person's, or waived; the rest could not be evaluated."""

    declared: int
    executed: int
    human: int
    waived: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.declared == self.executed + self.human + self.waived

    def __str__(self) -> str:
        return f"{self.declared} declared = {self.executed} executed + {self.human} human + {self.waived} waived" + (
            "" if self.complete else f" + {self.declared - self.executed - self.human - self.waived} not evaluated"
        )


@dataclass(frozen=True)
class ContractReport:
    """A contract against tables.

    Attributes:
        contract: id, name, version and digest of the contract.
        rules: in the order of the contract.
        offending: record id → ids of the blocking row-level rules it fails, both sorted. The ids are cells: where the
            data breaks the rules on ``record_id`` they may be anything, so they stay in memory; ``to_json`` writes
            them as ``printable_id``.
        quarantined_rows: rows of the record table that the offending ids take with them.
        human: what a person has to confirm.
        rows: object → number of rows.
        max_quarantine_share: from the contract.
        seconds: rule id → wall time; of rules that ran together, an equal share. Not in ``to_json``, which is sealed.
    """

    contract: Mapping[str, str]
    rules: tuple[RuleResult, ...]
    offending: Mapping[str, tuple[str, ...]] = field(repr=False)
    quarantined_rows: int
    human: tuple[HumanItem, ...]
    rows: Mapping[str, int]
    coverage: Coverage
    max_quarantine_share: float
    seconds: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)

    @property
    def failed_table_rules(self) -> tuple[RuleResult, ...]:
        """Rules of blocking severity that fail for a table as a whole."""
        return tuple(rule for rule in self.rules if rule.outcome == "fail" and not rule.row_level)

    @property
    def errors(self) -> tuple[RuleResult, ...]:
        """Rules that could not be evaluated."""
        return tuple(rule for rule in self.rules if rule.outcome == "error")

    @property
    def warnings(self) -> tuple[RuleResult, ...]:
        """Failures that do not block."""
        return tuple(rule for rule in self.rules if rule.outcome == "warn")

    def to_json(self) -> dict[str, Any]:
        """The report as plain data for ``canonical_json``: counts, rule ids and record ids only.

        Its size does not grow with the data: of the offending records the 1 000 whose SHA-256 is smallest are listed.
        """
        listed = sorted(smallest(self.offending, _LISTED))
        outcomes = [rule.outcome for rule in self.rules]
        return {
            "contract": dict(self.contract),
            "coverage": {**asdict(self.coverage), "complete": self.coverage.complete},
            "human": [asdict(item) for item in self.human],
            "max_quarantine_share": self.max_quarantine_share,
            "offending": {printable_id(key): list(self.offending[key]) for key in listed},
            "offending_records": len(self.offending),
            "outcomes": {name: outcomes.count(name) for name in ("pass", "fail", "warn", "error")},
            "quarantined_rows": self.quarantined_rows,
            "rows": dict(self.rows),
            "rules": [asdict(rule) for rule in self.rules],
        }


def printable_id(record_id: str) -> str:
    """``record_id`` where it is 16 to 64 hex digits and no card number; else ``sha256:`` and 16 digits of its digest,
    since it may be anything that stood in the data."""
    if _SAFE_ID.fullmatch(record_id) and not _may_be_a_card(record_id):
        return record_id
    return "sha256:" + _sha256(record_id)[:16]


def _may_be_a_card(text: str) -> bool:
    """16 to 19 digits, the first of them not 0, with the check digit of ISO/IEC 7812-1."""
    if not _CARD.fullmatch(text):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in text[-2::-2])
    return (sum(map(int, text[-1::-2])) + sum(doubled)) % 10 == 0


def smallest(record_ids: Iterable[str], number: int) -> list[str]:
    """Of distinct ids the ``number`` whose SHA-256 is smallest, in the order of their digests."""
    return heapq.nsmallest(number, record_ids, key=_sha256)


def sample_of(record_ids: pa.Array) -> tuple[str, ...]:
    """The sample that a rule's result shows."""
    return tuple(map(printable_id, smallest(record_ids.to_pylist(), _SAMPLE)))


def _sha256(record_id: str) -> str:
    return hashlib.sha256(record_id.encode("utf-8", "surrogatepass")).hexdigest()


def outcome_of(passed: bool, severity: str) -> Outcome:
    """``pass``, or what a failure of this severity is called."""
    if passed:
        return "pass"
    return "fail" if severity in BLOCKING else "warn"
