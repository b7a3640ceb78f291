"""The base of every section of a use-case file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen, closed record: unknown keys are refused, so that a typing error is never a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


def _cron(expression: str) -> str:
    from croniter import croniter  # type: ignore[import-untyped]

    if len(expression.split()) != 5 or not croniter.is_valid(expression):
        raise ValueError("expected a cron expression of five fields, e.g. '0 3 * * 1' for Mondays at 03:00 UTC")
    return expression


Cron = Annotated[str, AfterValidator(_cron)]
"""A cron expression of five fields; a wrong one would break a DAG long after the file was accepted."""
