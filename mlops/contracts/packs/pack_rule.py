"""What a rule of a pack is: a small function with a code, the article it cites and the sentence that says what it asks.

Packs look at what a contract declares. They cannot see what is done with the data, and they are no legal advice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mlops.contracts.contract import Contract
from mlops.contracts.errors import Finding
from mlops.yaml_source import NodePath

Regulation = Literal["GDPR", "CCPA", "HIPAA"]
Severity = Literal["error", "warning"]

Place = tuple[NodePath, str, str]
"""Where in the file, what is wrong there, and what to do."""

Check = Callable[[Contract], Iterator[Place]]


@dataclass(frozen=True)
class PackRule:
    """One question that a regulation makes a contract answer.

    Attributes:
        code: the regulation and a number of two digits, for example ``GDPR-01``.
        regulation: as ``mlops.regulations`` names it.
        article: the places of the law, as lawyers cite them.
        severity: an ``error`` keeps the contract from being used, a ``warning`` is for the reviewer.
        title: one sentence: what the rule asks of the contract.
        check: yields the places that break the rule; reads the raw document and tolerates any shape.
    """

    code: str
    regulation: Regulation
    article: str
    severity: Severity
    title: str
    check: Check

    def findings(self, contract: Contract) -> list[Finding]:
        """What the rule finds in a contract, in the order in which it looks; each message cites the article."""
        return [
            Finding(contract.document.line(path), self.code, f"{message} ({self.article})", todo, self.severity)
            for path, message, todo in self.check(contract)
        ]


def pack_rule(
    regulation: Regulation, code: str, article: str, severity: Severity, title: str
) -> Callable[[Check], PackRule]:
    """Makes a rule of a function that yields the places where a contract breaks it."""
    return lambda check: PackRule(code, regulation, article, severity, title, check)
