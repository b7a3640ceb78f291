"""What a contract compiles to: one ``Rule`` per clause, each with the engine that will run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops.contracts.contract import Contract, HumanItem, Operator
from mlops.contracts.waivers import Waiver

Engine = Literal["arrow", "great_expectations", "duckdb", "named"]
BLOCKING = ("error", "critical")
SEVERITIES = ("info", "warning", *BLOCKING)


@dataclass(frozen=True)
class Expectation:
    """One Great Expectations expectation: ``type`` in snake case and its keyword arguments."""

    type: str
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One clause of a contract, ready to run.

    Attributes:
        id: ``OBJECT[.PROPERTY].CLAUSE``, unique in the plan.
        kind: what is measured, for example ``required``, ``rowCount``, ``sql``.
        severity: ``info``, ``warning``, ``error`` or ``critical``; the last two block.
        row_level: a failure is the fault of single records, which can be set aside by ``record_id``; else the whole
            table fails. True only where not one offending row is allowed and the object has a ``record_id``.
        operator: compared with what was measured, in ``unit``; None where the engine itself judges.
        unit: ``rows`` (a count) or ``percent`` (of all rows, null rows included).
        columns: the columns the rule reads; where one is missing or of the wrong type the rule is an error.
        expectations: for Great Expectations; several are summed by row.
        arguments: for the other engines.
    """

    id: str
    object: str
    property: str | None
    engine: Engine
    kind: str
    severity: str
    row_level: bool
    line: int
    operator: Operator | None = None
    unit: str = "rows"
    columns: tuple[str, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All clauses of a contract: each is a rule to run, in the contract's order, or is left to people, or is waived.

    A waived rule stays away whatever the day: who runs a plan asks ``waivers.expired_waivers`` first.
    """

    contract: Contract
    rules: tuple[Rule, ...]
    human: tuple[HumanItem, ...]
    waived: tuple[Waiver, ...] = ()

    @property
    def declared(self) -> int:
        """How many clauses the contract has."""
        return len(self.rules) + len(self.human) + len(self.waived)
