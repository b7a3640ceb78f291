"""Two ends of what a rule allows."""

from __future__ import annotations

from typing import Any

from mlops.contracts.nodes import is_number


def allows_nothing(low: Any, high: Any, *, strict: bool = False) -> bool:
    """Whether no number lies between two ends; False where one of them is open or no number.

    Args:
        strict: one end at least does not itself belong to what is allowed.
    """
    if not (is_number(low) and is_number(high)):
        return False
    return bool(low >= high if strict else low > high)
