"""Every metric the evaluation knows, as data: what it means, which way is better, between which bounds it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["ticket_json", "reply_nll"]
Direction = Literal["higher", "lower"]

TICKET_FIELDS: tuple[str, ...] = ("intent", "product", "urgency", "amount", "action")


@dataclass(frozen=True)
class Metric:
    """One figure per example and its mean over examples.

    Attributes:
        id: column name of the per-example table.
        task: the task whose predictions it is computed from.
        direction: which way is better.
        binary: True when each example counts 0 or 1.
        bounded: True when each example lies within [0, 1]; binary metrics always do.
        meaning: one line for people.
    """

    id: str
    task: Task
    direction: Direction
    binary: bool
    bounded: bool
    meaning: str


def _ticket(name: str, meaning: str, direction: Direction = "higher", binary: bool = True) -> Metric:
    return Metric(name, "ticket_json", direction, binary, True, meaning)


METRICS: dict[str, Metric] = {
    metric.id: metric
    for metric in (
        _ticket("ticket_exact_match", "all fields of the ticket are right"),
        _ticket("valid_json", "the first line is a ticket: one JSON object with exactly the expected keys"),
        *(_ticket(f"{field}_match", f"the field {field} is right") for field in TICKET_FIELDS),
        _ticket("reply_f1", "word overlap of the reply with the expected one", binary=False),
        _ticket("pii_leak", "the answer holds personal data that the detector finds", direction="lower"),
        Metric(
            "nll_per_token",
            "reply_nll",
            "lower",
            False,
            False,
            "negative log-likelihood of the expected reply, nats per token",
        ),
    )
}


def metrics_of(task: Task) -> tuple[str, ...]:
    """Ids of the metrics of one task, in the order of the catalogue."""
    return tuple(metric.id for metric in METRICS.values() if metric.task == task)
