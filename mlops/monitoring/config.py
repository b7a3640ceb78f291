"""The section ``monitoring`` of a use-case file."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from mlops.section import Cron, Section


class RetrainSection(Section):
    """What a declared drift may start by itself."""

    automatic: bool = Field(default=True, description="retrain without asking a person; false: a person starts the run")
    cooldown_hours: float = Field(
        default=24.0, ge=0, le=8760, description="least hours between the newest training and a retrain"
    )
    max_runs_per_30_days: int = Field(
        default=8, ge=1, le=1000, description="trainings in 30 days, by whomever, beyond which drift starts none"
    )


class MonitoringSection(Section):
    """What counts as drift: a significant change that is also large enough to matter."""

    window: int = Field(default=10_000, ge=1, description="newest records of the current table that are compared")
    min_conversations: int = Field(
        default=50, ge=20, description="with fewer conversations on either side a signal is not evaluated"
    )
    alpha: float = Field(
        default=0.01, gt=0, le=0.1, description="largest Benjamini-Hochberg adjusted p-value that can alarm"
    )
    numeric_floor: float = Field(
        default=0.10, gt=0, lt=1, description="least Kolmogorov-Smirnov distance that can alarm, 0 to 1"
    )
    categorical_floor: float = Field(
        default=0.10, gt=0, lt=1, description="least Jensen-Shannon distance (base 2) that can alarm, 0 to 1"
    )
    missing_floor: float = Field(
        default=0.05, gt=0, lt=1, description="rise of the share of missing values that alarms at once"
    )
    new_category_floor: float = Field(
        default=0.05, gt=0, lt=1, description="share of conversations in categories unknown to the reference; alarms"
    )
    placeholder_pattern: str = Field(
        default=r"[\[<{][A-Z][A-Z_]*(?:[_-]?\d+)?[\]>}]",
        description="regular expression of the placeholders that masking writes",
    )

    cron: Cron | None = Field(
        default="0 6 * * *", description="when data is compared, five-field cron expression, UTC; null: by hand only"
    )
    alarm_after: int = Field(
        default=2, ge=1, le=100, description="monitored runs in alarm, one after the other, before drift is declared"
    )
    retrain: RetrainSection = Field(default=RetrainSection(), description="what a declared drift may start by itself")

    @field_validator("placeholder_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            compiled = re.compile(pattern)
        except re.error as problem:
            raise ValueError(f"not a regular expression: {problem.msg}") from None
        if compiled.search(""):
            raise ValueError("the pattern finds placeholders in empty text; make it name one")
        return pattern
