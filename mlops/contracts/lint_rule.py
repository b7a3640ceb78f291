"""What a lint rule is: a small function with a code, a severity and the sentence that says what it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from mlops.contracts.errors import Finding
from mlops.yaml_source import Document, NodePath

Place = tuple[NodePath, str, str]
"""Where in the file, what is wrong there, and what to do."""

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class LintRule(Generic[Subject]):
    """One question to a contract, or to a file that is to become one.

    Attributes:
        code: ``CONTRACT-0NN``.
        severity: ``error`` keeps the contract from being approved.
        asks: one sentence.
        places: yields what breaks the rule; reads the raw document and tolerates any shape.
    """

    code: str
    severity: Literal["error", "warning"]
    asks: str
    places: Callable[[Subject], Iterator[Place]]

    def findings(self, subject: Subject, document: Document) -> list[Finding]:
        """What the rule finds in a subject, at the lines of its ``document``."""
        return [
            Finding(document.line(path), self.code, message, todo, self.severity)
            for path, message, todo in self.places(subject)
        ]


def lint_rule(
    code: str, severity: Literal["error", "warning"], asks: str
) -> Callable[[Callable[[Subject], Iterator[Place]]], LintRule[Subject]]:
    """Makes a rule of a function that yields the places where its subject breaks it."""
    return lambda places: LintRule(code, severity, asks, places)
