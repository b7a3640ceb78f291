"""What an engine measured for one rule, before the rule's operator is applied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """The common result of all engines. Holds counts and record ids, never a cell value.

    Attributes:
        total: rows of the object.
        observed: number of offending rows, or the number that the rule asks for; None where there is none.
        record_ids: records of the offending rows. Empty although rows offend means: they cannot be told apart.
        passed: the engine's own judgement, for rules without an operator.
        error: why the rule could not be evaluated; then nothing else counts.
        detail: a remark that quotes the contract only.
    """

    total: int
    observed: float | None = None
    record_ids: tuple[str, ...] = ()
    passed: bool | None = None
    error: str | None = None
    detail: str = ""


def failed_to_run(engine: str, error: BaseException, total: int) -> Measurement:
    """An error of an engine. Only its class is kept: the texts of such errors quote data."""
    return Measurement(total=total, error=f"{engine} raised {type(error).__name__}")
