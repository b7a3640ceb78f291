"""The section ``monitoring`` of a use-case file."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from mlops.section import Section


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
