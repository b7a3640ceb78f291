"""Has the text that arrives changed against the fixed reference of the release?

A signal alarms only if its change is significant (Benjamini-Hochberg over the signals that were evaluated) and large
enough to matter: with many conversations everything is significant. Two plain rules alarm at once: values go missing,
or categories appear that the reference does not hold. This judges one window; that an alarm should persist over
several windows before anyone is called is decided by whoever keeps the windows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops.monitoring.config import MonitoringSection
from mlops.monitoring.conversations import Conversations, conversations
from mlops.statistics.corrections import benjamini_hochberg
from mlops.statistics.twosample import (
    NEW,
    binned,
    contingency,
    jensen_shannon,
    kolmogorov_smirnov,
    robust_wasserstein,
    stability_index,
)

Outcome = Literal["ok", "alarm", "not_evaluated"]


@dataclass(frozen=True)
class Signal:
    """One watched quantity.

    Attributes:
        name: words_per_message, message_count, placeholders_per_message or language.
        outcome: ok, alarm or not_evaluated; reason says why in words.
        reference_n, current_n: conversations that have a value.
        effect: Kolmogorov-Smirnov distance or Jensen-Shannon distance (base 2), 0 to 1; floor: its least alarming
            value.
        p_value, adjusted_p: raw and Benjamini-Hochberg adjusted.
        details: further figures: medians, Wasserstein distance in interquartile ranges, PSI with its critical value;
            share of new categories.
        missing: share of conversations without a value, reference and current.
    """

    name: str
    outcome: Outcome
    reason: str
    reference_n: int
    current_n: int
    effect: float | None = None
    floor: float | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    details: dict[str, float] | None = None
    missing: tuple[float, float] = (0.0, 0.0)
    at_once: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values, numbers rounded to 6 places."""
        plain = {name: round(value, 6) if isinstance(value, float) else value for name, value in vars(self).items()}
        details = {name: round(value, 6) for name, value in (self.details or {}).items()}
        return {**plain, "details": details, "missing": [round(share, 6) for share in self.missing]}


@dataclass(frozen=True)
class DriftReport:
    """All signals of one comparison.

    `outcome` is alarm if any signal alarms, ok only if every signal was evaluated and none alarms.
    """

    outcome: Outcome
    signals: tuple[Signal, ...]
    reference_conversations: int
    current_conversations: int
    outside_window: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, deterministic; holds no text and no category of the data."""
        return {**vars(self), "signals": [signal.to_json() for signal in self.signals]}


def drift(reference: pa.Table, current: pa.Table, section: MonitoringSection) -> DriftReport:
    """Compare the newest `window` records of `current` with all of `reference`.

    Args:
        reference: the approved sample the release was made from, canonical chat schema. It is fixed: comparing with
            the previous window instead would follow a slow drift without ever seeing it.
        current: what arrived since.
        section: floors, levels and sizes.

    Raises:
        MonitoringError: MONITORING-002 when a table is not in the chat schema.
    """
    first = conversations(reference, section)
    second = conversations(current, section, window=section.window)
    signals = [
        _numeric("words_per_message", first.words, second.words, section),
        _numeric("message_count", first.messages, second.messages, section),
        _numeric("placeholders_per_message", first.placeholders, second.placeholders, section),
        _language(first, second, section),
    ]
    judged = _judged(signals, section)
    outcomes = {signal.outcome for signal in judged}
    outcome: Outcome = "alarm" if "alarm" in outcomes else "not_evaluated" if "not_evaluated" in outcomes else "ok"
    return DriftReport(outcome, tuple(judged), first.count, second.count, second.outside_window)


def _judged(signals: list[Signal], section: MonitoringSection) -> list[Signal]:
    tested = [signal for signal in signals if signal.p_value is not None]
    adjusted = benjamini_hochberg([signal.p_value or 0.0 for signal in tested]) if tested else np.array([])
    by_name = {signal.name: float(p) for signal, p in zip(tested, adjusted, strict=True)}
    return [_judge(signal, by_name.get(signal.name), section) for signal in signals]


def _judge(signal: Signal, adjusted: float | None, section: MonitoringSection) -> Signal:
    if adjusted is None or signal.effect is None or signal.floor is None:
        return signal
    found = replace(signal, adjusted_p=adjusted)
    if signal.at_once:
        return found
    significant, large = adjusted < section.alpha, signal.effect >= signal.floor
    if significant and large:
        return replace(found, outcome="alarm", reason="the change is significant and above its floor")
    if significant:
        return replace(found, reason="significant, but too small to matter")
    return replace(found, reason="large for this few conversations, not significant" if large else "no change seen")


def _too_few(name: str, first: int, second: int, section: MonitoringSection) -> Signal:
    return Signal(
        name,
        "not_evaluated",
        f"{first} and {second} conversations have a value, {section.min_conversations} needed on each side",
        first,
        second,
    )


def _numeric(name: str, reference: list[float], current: list[float], section: MonitoringSection) -> Signal:
    (first, missing_1), (second, missing_2) = _present(reference), _present(current)
    missing = (missing_1, missing_2)
    risen = missing_2 - missing_1 >= section.missing_floor
    if min(first.size, second.size) < section.min_conversations:
        found = _too_few(name, first.size, second.size, section)
        enough = len(current) >= section.min_conversations and len(reference) >= section.min_conversations
        if risen and enough:
            found = replace(found, outcome="alarm", reason="values are missing that the reference has")
        return replace(found, missing=missing)
    test, index = kolmogorov_smirnov(first, second), stability_index(first, second)
    return Signal(
        name=name,
        outcome="alarm" if risen else "ok",
        reason="values are missing that the reference has" if risen else "",
        reference_n=first.size,
        current_n=second.size,
        effect=test.statistic,
        floor=section.numeric_floor,
        p_value=test.p_value,
        details={
            "median_reference": float(np.median(first)),
            "median_current": float(np.median(second)),
            "wasserstein_iqr": robust_wasserstein(first, second),
            "psi": index.value,
            "psi_critical": index.critical,
        },
        missing=missing,
        at_once=risen,
    )


def _present(values: list[float]) -> tuple[NDArray[np.float64], float]:
    """The values that are numbers, and the share of those that are not."""
    array = np.asarray(values, dtype=np.float64)
    held = np.isfinite(array)
    return array[held], float(1 - held.mean()) if array.size else 0.0


def _language(first: Conversations, second: Conversations, section: MonitoringSection) -> Signal:
    name = "language"
    if min(first.count, second.count) < section.min_conversations:
        return _too_few(name, first.count, second.count, section)
    before, after = Counter(first.languages), Counter(second.languages)
    row_1, row_2 = binned(before, after)
    new = row_2.get(NEW, 0) / second.count
    missing = (before[None] / first.count, after[None] / second.count)
    reason = ""
    if new >= section.new_category_floor:
        reason = "categories appear that the reference does not hold"
    elif missing[1] - missing[0] >= section.missing_floor:
        reason = "values are missing that the reference has"
    return Signal(
        name=name,
        outcome="alarm" if reason else "ok",
        reason=reason,
        reference_n=first.count,
        current_n=second.count,
        effect=jensen_shannon(list(row_1.values()), list(row_2.values())),
        floor=section.categorical_floor,
        p_value=contingency(before, after).p_value,
        details={"new_share": new},
        missing=missing,
        at_once=bool(reason),
    )
