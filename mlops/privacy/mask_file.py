"""Mask a file of any size: batch by batch, on one core or several, with the same output.

A batch is a pure function of its rows, so that any engine that hands out batches can run it unchanged.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops.privacy.config import PrivacySection
from mlops.privacy.keys import KeyRing
from mlops.privacy.masking import mask_table
from mlops.privacy.report import MaskReport
from mlops.privacy.rows import MESSAGES
from mlops.privacy.text_parts import with_parts
from mlops.privacy.text_rows import TextRow, last_rows, read_text_rows, text_row_writer

_ROWS, _CHARACTERS = 5_000, 1 << 20
_WAITING = 2  # batches per worker that are read ahead


@dataclass(frozen=True)
class MaskedFile:
    """What came of a file.

    Attributes:
        report: of all rows.
        refused: number of each row that was left out, and why.
    """

    report: MaskReport
    refused: tuple[tuple[int, str], ...]


def mask_file(
    source: Path,
    target: Path,
    name: str,
    section: PrivacySection,
    *,
    ring: KeyRing | None = None,
    workers: int = 1,
    progress: Callable[[int], None] = lambda rows: None,
) -> MaskedFile:
    """Write the rows of ``source`` to ``target`` with the texts of field ``name`` masked, in their order.

    Rows of one conversation are masked together, wherever they lie: those between its first and its last row wait in
    memory. Rows that cannot be masked are left out and named in the answer.

    Args:
        name: field or column of text, or of chat messages; not asked of plain text.
        ring: keys of a profile that needs one; those of ``MLOPS_PRIVACY_KEY`` by default.
        workers: processes; the output does not depend on it.
        progress: called with the number of rows done so far.

    Raises:
        PrivacyError: PRIVACY-002 to 004, 007; nothing was written.
    """
    last = last_rows(source, name)
    work = partial(mask_rows, name=name, section=section, ring=ring)
    reports, refused, done = [], [], 0
    with text_row_writer(source, target) as write:
        for rows, report, left_out in _worked(work, _batches(read_text_rows(source, name), last), workers):
            write(rows)
            reports.append(report)
            refused += left_out
            done += report.rows_in
            progress(done)
    total = merged(reports) if reports else mask_rows([], name, section, ring)[1]
    return MaskedFile(total, tuple(refused))


_Masked = tuple[list[Any], MaskReport, list[tuple[int, str]]]


# In letters, which sort as the digits do: digits would be looked at as if they were somebody's number.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def _record_id(number: int) -> str:
    return f"{number:016x}".translate(_LETTERS)


def mask_rows(rows: Sequence[TextRow], name: str, section: PrivacySection, ring: KeyRing | None = None) -> _Masked:
    """Rows with their texts masked, the report, and (number, reason) of those left out. Conversations must be whole."""
    by_id = {_record_id(row.number): row for row in rows}
    readable = [row for row in rows if row.reason is None]
    table = pa.table(
        {
            "record_id": pa.array([_record_id(row.number) for row in readable], pa.string()),
            "conversation_id": pa.array([row.conversation for row in readable], pa.string()),
            "messages": pa.array(
                [[{"role": role, "content": text} for role, text in row.parts] for row in readable], MESSAGES
            ),
        }
    )
    result = mask_table(table, section, ring)
    written = []
    for record_id, messages in zip(
        result.table["record_id"].to_pylist(), result.table["messages"].to_pylist(), strict=True
    ):
        written.append(with_texts(by_id[record_id].content, name, [each["content"] for each in messages]))
    left_out = {row.number: row.reason for row in rows if row.reason is not None}
    kept = set(result.table["record_id"].to_pylist())
    reasons = {each["record_id"]: each["reason"] for each in result.quarantined.to_pylist()}
    left_out |= {
        row.number: reasons.get(_record_id(row.number), "identifier-holds-personal-data")
        for row in readable
        if _record_id(row.number) not in kept
    }
    unread = Counter(row.reason for row in rows if row.reason is not None)
    report = replace(
        result.report,
        rows_in=len(rows),
        quarantined=_summed([result.report.quarantined, tuple(unread.items())]),
    )
    return written, report, sorted(left_out.items())


def with_texts(content: Any, name: str, texts: list[str]) -> Any:
    """A row, as it was read, with the texts of one field replaced."""
    if isinstance(content, str):
        return texts[0]
    return {**content, name: with_parts(content[name], iter(texts))}


def _batches(rows: Iterable[TextRow], last: Mapping[str, int]) -> Iterator[list[TextRow]]:
    """Rows in lists, cut where no conversation is open."""
    batch: list[TextRow] = []
    size, until = 0, -1
    for row in rows:
        batch.append(row)
        size += sum(len(text) for _, text in row.parts)
        if row.conversation is not None:
            until = max(until, last[row.conversation])
        if row.number >= until and (len(batch) >= _ROWS or size >= _CHARACTERS):
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _worked(
    work: Callable[[list[TextRow]], _Masked], batches: Iterator[list[TextRow]], workers: int
) -> Iterator[_Masked]:
    """What comes of each batch, in order; no more batches are read ahead than the workers need."""
    if workers == 1:
        yield from map(work, batches)
        return
    waiting: deque[Future[_Masked]] = deque()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) >= _WAITING * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def merged(reports: Sequence[MaskReport]) -> MaskReport:
    """One report of several that were made under the same section."""
    return replace(
        reports[0],
        rows_in=sum(report.rows_in for report in reports),
        rows_out=sum(report.rows_out for report in reports),
        rows_changed=sum(report.rows_changed for report in reports),
        quarantined=_summed([report.quarantined for report in reports]),
        entities=_summed([report.entities for report in reports]),
        residual=_summed([report.residual for report in reports]),
        counts=tuple(
            (kind, detector, role, count)
            for (kind, detector, role), count in _added(
                ((kind, detector, role), count) for report in reports for kind, detector, role, count in report.counts
            )
        ),
        validators=_verdicts(reports),
    )


def _verdicts(reports: Sequence[MaskReport]) -> tuple[tuple[str, int, int], ...]:
    yes = dict(_added((name, accepted) for report in reports for name, accepted, _ in report.validators))
    no = dict(_added((name, rejected) for report in reports for name, _, rejected in report.validators))
    return tuple((name, yes[name], no[name]) for name in sorted(yes))


def _summed(counts: Iterable[tuple[tuple[str, int], ...]]) -> tuple[tuple[str, int], ...]:
    return tuple(_added(chain.from_iterable(counts)))


def _added(counts: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    total: Counter[Any] = Counter()
    for key, count in counts:
        total[key] += count
    return sorted(total.items())
