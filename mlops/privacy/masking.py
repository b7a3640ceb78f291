"""Mask chat rows: one conversation at a time, fail-closed, re-scanned.

A row that cannot be read, is too long, or makes any step raise is quarantined with a reason and never passed through.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa

from mlops.privacy.config import PROFILES, PrivacySection
from mlops.privacy.detection import find, may_hold_any
from mlops.privacy.digit_runs import Tally
from mlops.privacy.normalisation import normalise
from mlops.privacy.placeholders import Numbering, replace
from mlops.privacy.propagation import Key, Propagation
from mlops.privacy.report import (
    MaskReport,
    config_digest,
    patterns_digest,
    role_counts,
    sorted_counts,
    validator_rows,
)
from mlops.privacy.rows import COLUMNS, MESSAGES, Row, require_columns, text_columns, unreadable, values
from mlops.privacy.spans import Finding, resolve

QUARANTINE_SCHEMA = pa.schema([pa.field("record_id", pa.string()), pa.field("reason", pa.string())])

# Identifiers and labels (every text column) are not rewritten; one that is itself personal data keeps its row back.
# Only types whose form proves them: a name or a date in a label is no finding.
_IDENTIFIER_TYPES = frozenset({"EMAIL_ADDRESS", "SECRET", "IBAN_CODE", "CREDIT_CARD"})
# Masking one value can bring another to light; three passes settle it, and the re-scan counts what is left.
_PASSES = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MaskResult:
    """What `mask_table` gives back.

    Attributes:
        table: the rows that passed, in their order, schema unchanged.
        quarantined: `record_id` and `reason` of every row that did not; a record id that could not be read is null.
        report: counts without any raw value.
    """

    table: pa.Table
    quarantined: pa.Table
    report: MaskReport


@dataclass(slots=True)
class _Pass:
    """The running account of one call of `mask_table`."""

    types: Collection[str]
    allow: frozenset[str]
    tally: Tally = field(default_factory=Counter)
    replaced: list[tuple[str, str, str]] = field(default_factory=list)
    entities: Counter[str] = field(default_factory=Counter)
    residual: Counter[str] = field(default_factory=Counter)
    masked: dict[int, Row] = field(default_factory=dict)
    refused: dict[int, tuple[str | None, str]] = field(default_factory=dict)


def mask_table(table: pa.Table, section: PrivacySection) -> MaskResult:
    """Replace personal data and secrets in all messages of all roles by numbered placeholders.

    Numbers go by conversation: one value has one number in all rows of its conversation, given by first appearance in
    rows sorted by record id, then turn. So the table has to hold whole conversations, in any order and any chunks.

    Args:
        table: rows of the chat schema (`record_id`, `conversation_id`, `messages`, and columns that pass through).
        section: profile, allowed values, tolerance.

    Raises:
        PrivacyError: PRIVACY-001 when a column is missing or has another type.
    """
    require_columns(table)
    state = _Pass(PROFILES[section.profile], frozenset(normalise(value).text.casefold() for value in section.allow))
    conversations: defaultdict[tuple[bool, str], list[Row]] = defaultdict(list)
    for key, row in _rows(table, state):
        conversations[key].append(row)
    originals = {row.index: list(row.texts) for rows in conversations.values() for row in rows}
    for key in sorted(conversations):
        _mask_conversation(sorted(conversations[key], key=Row.order), state)
    changed = sum(row.texts != originals[index] for index, row in state.masked.items())
    result = _result(table, section, state, changed)
    _log.info(
        "rows masked",
        extra={"rows_out": result.report.rows_out, "rows_quarantined": result.report.rows_quarantined},
    )
    return result


def _rows(table: pa.Table, state: _Pass) -> Iterator[tuple[tuple[bool, str], Row]]:
    """Readable rows with the key of their conversation; the others go to `state.refused`."""
    ids, conversations, messages = (values(table[name]) for name in COLUMNS)
    labels = zip(*(values(table[name]) for name in text_columns(table)), strict=True)
    for index, (record_id, conversation, content, names) in enumerate(
        zip(ids, conversations, messages, labels, strict=True)
    ):
        name = record_id if isinstance(record_id, str) else None
        reason = unreadable(record_id, names, content)
        if reason is None:
            reason = _identifier_reason(names, state)
        if reason is not None:
            # An identifier that is itself personal data is not quoted in the quarantine either.
            state.refused[index] = (None if reason.startswith("identifier") else name, reason)
            continue
        row = Row(index, record_id, [one["role"] for one in content], [one["content"] for one in content])
        yield (conversation is None, record_id if conversation is None else conversation), row


def _identifier_reason(labels: Collection[str | None], state: _Pass) -> str | None:
    types = _IDENTIFIER_TYPES.intersection(state.types)
    if any(value and _is_personal(value, types, state.allow) for value in labels):
        return "identifier-holds-personal-data"
    return None


@lru_cache(maxsize=1024)  # sources and languages are few and repeat
def _is_personal(value: str, types: frozenset[str], allow: frozenset[str]) -> bool:
    return bool(find(value, types, allow))


def _mask_conversation(rows: list[Row], state: _Pass) -> None:
    """Mask the rows in place. A row of which any step fails is refused; a failure between rows refuses them all."""
    try:
        _mask_rows(rows, state)
    except Exception as problem:
        _refuse([row for row in rows if row.index not in state.refused], problem, state)


def _mask_rows(rows: list[Row], state: _Pass) -> None:
    numbering = Numbering(text for row in rows for text in row.texts)
    confirmed: dict[tuple[str, str, str], Finding] = {}
    named: set[Key] = set()
    pending = {(row.index, turn) for row in rows for turn in range(len(row.texts))}
    for _ in range(_PASSES):
        found = {row.index: spans for row in rows if (spans := _scan(row, pending, state)) is not None}
        fresh = [one for spans in found.values() for turn in spans for one in turn]
        if not fresh:
            break
        confirmed.update({(one.type, one.canonical, one.surface): one for one in fresh})
        propagation = Propagation(confirmed.values())
        pending = set()
        for row in (row for row in rows if row.index in found):
            pending |= _replace_row(row, found[row.index], propagation, numbering, named, state)
    for row in rows:
        if row.index not in state.refused:
            _rescan(row, state)
    state.entities.update(kind for kind, _ in named)


def _scan(row: Row, pending: set[tuple[int, int]], state: _Pass) -> list[list[Finding]] | None:
    """Findings per message, or None when the row is refused."""
    if row.index in state.refused:
        return None
    try:
        if not may_hold_any(text for turn, text in enumerate(row.texts) if (row.index, turn) in pending):
            return [[] for _ in row.texts]
        return [
            find(text, state.types, state.allow, state.tally) if (row.index, turn) in pending else []
            for turn, text in enumerate(row.texts)
        ]
    except Exception as problem:
        _refuse([row], problem, state)
        return None


def _replace_row(
    row: Row,
    found: list[list[Finding]],
    propagation: Propagation,
    numbering: Numbering,
    named: set[Key],
    state: _Pass,
) -> set[tuple[int, int]]:
    """Replace detected and propagated values; returns the messages that changed."""
    changed = set()

    def placeholder(finding: Finding) -> str:
        key = propagation.key(finding.type, finding.canonical)
        named.add(key)
        return numbering.placeholder(key)

    try:
        for turn, text in enumerate(row.texts):
            findings = resolve([*found[turn], *propagation.find(text)])
            if findings:
                row.texts[turn] = replace(text, findings, placeholder)
                state.replaced += [(one.type, one.detector, row.roles[turn]) for one in findings]
                changed.add((row.index, turn))
    except Exception as problem:
        _refuse([row], problem, state)
    return changed


def _rescan(row: Row, state: _Pass) -> None:
    """Look at what is about to be passed on as if it had never been seen."""
    try:
        texts = row.texts if may_hold_any(row.texts) else []
        left = [finding.type for text in texts for finding in find(text, state.types, state.allow)]
    except Exception as problem:
        _refuse([row], problem, state)
        return
    state.residual.update(left)
    state.masked[row.index] = row


def _refuse(rows: list[Row], problem: Exception, state: _Pass) -> None:
    """Keep rows back. Only the class of the problem is told: its message might quote the text."""
    for row in rows:
        state.masked.pop(row.index, None)
        state.refused[row.index] = (row.record_id, f"failed-{type(problem).__name__}")
    _log.warning("rows quarantined", extra={"rows": len(rows), "problem": type(problem).__name__})


def _result(table: pa.Table, section: PrivacySection, state: _Pass, changed: int) -> MaskResult:
    kept = sorted(state.masked)
    messages = [
        [{"role": role, "content": text} for role, text in zip(row.roles, row.texts, strict=True)]
        for row in (state.masked[index] for index in kept)
    ]
    position = table.column_names.index("messages")
    masked = table.take(pa.array(kept, pa.int64())).set_column(
        position, table.schema.field("messages"), pa.chunked_array([pa.array(messages, MESSAGES)])
    )
    refused = [state.refused[index] for index in sorted(state.refused)]
    quarantined = pa.Table.from_pylist(
        [{"record_id": name, "reason": reason} for name, reason in refused], schema=QUARANTINE_SCHEMA
    )
    report = MaskReport(
        profile=section.profile,
        config_digest=config_digest(section),
        patterns_digest=patterns_digest(),
        rows_in=table.num_rows,
        rows_out=masked.num_rows,
        rows_changed=changed,
        quarantined=sorted_counts(Counter(reason for _, reason in refused)),
        counts=role_counts(state.replaced),
        entities=sorted_counts(state.entities),
        validators=validator_rows(state.tally),
        residual=sorted_counts(state.residual),
        residual_tolerance=section.residual_tolerance,
    )
    return MaskResult(masked, quarantined, report)
