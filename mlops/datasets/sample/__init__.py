"""The seeded sample of the use case `support_triage`: an export of an invented support desk.

`generate` gives raw rows, defects included; `mlops.datasets.sample.export.generate_labelled` gives them with the
truth; `mlops.datasets.sample.prose.pretraining_texts` gives text of the same world without tickets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def generate(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield `rows` raw rows `{"id", "conversation", "source", "language", "created_at", "messages"}` in order.

    The last assistant message of a sound row is the ticket (see `mlops.datasets.sample.ticket.Ticket.line`), a
    newline and a one-line reply. About 8.5% of the rows have a defect (`mlops.datasets.sample.defects.SHARES`).
    The same arguments give the same rows on every machine.

    Raises:
        DatasetError: DATASET-008 for a negative number of rows.
    """
    from mlops.datasets.sample.export import generate_labelled

    return (labelled.row for labelled in generate_labelled(rows, seed))
