"""Mask chat rows: conversation by conversation, fail-closed, re-scanned.

A row that cannot be read, is too long, or makes any step raise is quarantined with a reason and never passed through.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mlops.artifacts import canonical_json, digest_bytes
from mlops.privacy.config import LEFT_OUT, PrivacySection
from mlops.privacy.detection import find, find_each
from mlops.privacy.digit_runs import Tally
from mlops.privacy.keys import KeyRing
from mlops.privacy.normalisation import normalise
from mlops.privacy.other_finders import Finder, finders, joined
from mlops.privacy.placeholders import Numbering, replace
from mlops.privacy.propagation import Key, Propagation
from mlops.privacy.report import (
    MaskReport,
    config_digest,
    operators_of,
    patterns_digest,
    role_counts,
    sorted_counts,
    validator_rows,
)
from mlops.privacy.rows import Row, messages_of, require_columns, text_columns, unreadable, values, with_texts
from mlops.privacy.spans import Finding, resolve
from mlops.privacy.surrogates import squeezed
from mlops.privacy.transform import DroppedByProfileError, Occurrence, Transform

QUARANTINE_SCHEMA = pa.schema([pa.field("record_id", pa.string()), pa.field("reason", pa.string())])

# Identifiers and labels (every text column) are not rewritten; one that is itself personal data keeps its row back.
# Only types whose form proves them: a name or a date in a label is no finding.
_IDENTIFIER_TYPES = frozenset({"EMAIL_ADDRESS", "SECRET", "IBAN_CODE", "CREDIT_CARD"})
# Masking one value can bring another to light; three passes settle it, and the re-scan counts what is left.
_PASSES = 3
_TOGETHER = 10_000

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
class _Talk:
    """One conversation while it is masked.

    Attributes:
        pending: messages that have to be looked at, as row and turn.
        found: what was found in them, by row's index and turn.
        confirmed: every value found so far.
        named: entities that got a placeholder.
        marked: placeholders that are replaced in the end, and what each stands for.
    """

    id: str
    rows: list[Row]
    pending: list[tuple[Row, int]]
    found: dict[tuple[int, int], list[Finding]] = field(default_factory=dict)
    confirmed: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    named: set[Key] = field(default_factory=set)
    marked: dict[str, Occurrence] = field(default_factory=dict)
    numbering: Numbering | None = None


@dataclass(slots=True)
class _Pass:
    """The running account of one call of `mask_table`."""

    types: Collection[str]
    allow: frozenset[str]
    transform: Transform
    left_out: frozenset[str] = frozenset()
    others: tuple[Finder, ...] = ()
    tally: Tally = field(default_factory=Counter)
    replaced: list[tuple[str, str, str]] = field(default_factory=list)
    entities: Counter[str] = field(default_factory=Counter)
    residual: Counter[str] = field(default_factory=Counter)
    masked: dict[int, Row] = field(default_factory=dict)
    refused: dict[int, tuple[str | None, str]] = field(default_factory=dict)


def mask_table(table: pa.Table, section: PrivacySection, ring: KeyRing | None = None) -> MaskResult:
    """Replace personal data and secrets in all messages of all roles by what the profile says.

    Placeholders are numbered by conversation: one value has one number in all rows of its conversation, given by first
    appearance in rows sorted by record id, then turn. So the table has to hold whole conversations, in any order and
    any chunks.

    Args:
        table: rows of the chat schema (`record_id`, `conversation_id`, `messages`, and columns that pass through).
        section: profile, allowed values, tolerance, the id of the key.
        ring: keys of a profile that needs one; those of ``MLOPS_PRIVACY_KEY`` by default.

    Raises:
        PrivacyError: PRIVACY-001 when a column is missing or has another type; PRIVACY-030 to 032 and 035 when the
            profile needs a key and there is none, or another one.
    """
    require_columns(table)
    state = _Pass(
        section.masked_types,
        frozenset(normalise(value).text.casefold() for value in section.allow),
        Transform(section, ring),
        LEFT_OUT.get(section.profile, frozenset()),
        finders(section.names),
    )
    conversations: defaultdict[tuple[bool, str], list[Row]] = defaultdict(list)
    for key, row in _rows(table, state):
        conversations[key].append(row)
    talks = [
        _talk(name, conversations[lone, name], lone and state.transform.renders) for lone, name in sorted(conversations)
    ]
    _mask(talks, state)
    _rescan(talks, state)
    _transform(talks, state)
    result = _result(table, section, state)
    _log.info(
        "rows masked",
        extra={"rows_out": result.report.rows_out, "rows_quarantined": result.report.rows_quarantined},
    )
    return result


def _talk(name: str, rows: list[Row], lone: bool) -> _Talk:
    ordered = sorted(rows, key=Row.order)
    if lone:
        # A row without a conversation is known by what it says: a file numbers its rows, and their order may change.
        name = digest_bytes(canonical_json([ordered[0].roles, ordered[0].texts]))
    return _Talk(name, ordered, [(row, turn) for row in ordered for turn in range(len(row.texts))])


def _rows(table: pa.Table, state: _Pass) -> Iterator[tuple[tuple[bool, str], Row]]:
    """Readable rows with the key of their conversation; the others go to `state.refused`."""
    ids, conversations = (values(table[name]) for name in ("record_id", "conversation_id"))
    labels = [values(table[name]) for name in text_columns(table)]
    personal = _personal(labels, state)
    read = zip(ids, conversations, messages_of(table["messages"]), zip(*labels, strict=True), strict=True)
    for index, (record_id, conversation, messages, names) in enumerate(read):
        name = record_id if isinstance(record_id, str) else None
        reason = unreadable(record_id, names, messages)
        if reason is None and not personal.isdisjoint(names):
            # An identifier that is itself personal data is not quoted in the quarantine either.
            name, reason = None, "identifier-holds-personal-data"
        if reason is not None or messages is None:
            state.refused[index] = (name, str(reason))
            continue
        row = Row(index, record_id, *messages)
        yield (conversation is None, record_id if conversation is None else conversation), row


def _personal(columns: Iterable[list[Any]], state: _Pass) -> frozenset[str]:
    """Identifiers and labels, of all rows, that are personal data themselves."""
    types = _IDENTIFIER_TYPES.intersection(state.types)
    labels = sorted({value for column in columns for value in column if isinstance(value, str) and value})
    return frozenset(label for label, found in zip(labels, find_each(labels, types, state.allow), strict=True) if found)


def _mask(talks: Sequence[_Talk], state: _Pass) -> None:
    """Mask the rows in place, all conversations abreast: what is looked at together is looked at in less time."""
    for _ in range(_PASSES):
        live = [talk for talk in talks if talk.pending]
        places = [(talk, row, turn) for talk in live for row, turn in talk.pending if row.index not in state.refused]
        for talk in live:
            talk.found, talk.pending = {}, []
        looked = _find_each([row.texts[turn] for _, row, turn in places], state, state.tally)
        for (talk, row, turn), found in zip(places, looked, strict=True):
            if isinstance(found, Exception):
                _refuse([row], found, state)
            elif found:
                talk.found[row.index, turn] = found
        for talk in live:
            if talk.found:
                _mask_talk(talk, state)


def _mask_talk(talk: _Talk, state: _Pass) -> None:
    """Replace what was found in a conversation, wherever it stands in it.

    A row of which any step fails is refused; a failure between rows refuses them all.
    """
    rows = [row for row in talk.rows if row.index not in state.refused]
    try:
        if talk.numbering is None:
            talk.numbering = Numbering(text for row in talk.rows for text in row.texts)
        fresh = [one for found in talk.found.values() for one in found]
        talk.confirmed.update({(one.type, one.canonical, one.surface): one for one in fresh})
        propagation = Propagation(talk.confirmed.values())
        again = propagation.places([text for row in rows for text in row.texts])
        first = 0
        for row in rows:
            turns = {turn for turn in range(len(row.texts)) if first + turn in again or (row.index, turn) in talk.found}
            first += len(row.texts)
            _replace_row(row, turns, talk, propagation, state)
    except Exception as problem:
        _refuse([row for row in rows if row.index not in state.refused], problem, state)


def _replace_row(row: Row, turns: Collection[int], talk: _Talk, propagation: Propagation, state: _Pass) -> None:
    """Replace detected and propagated values; messages that changed are looked at again."""
    numbering = talk.numbering
    assert numbering is not None

    def placeholder(finding: Finding, original: str, bare: bool) -> str:
        key = propagation.key(finding.type, finding.canonical)
        named.append(key)
        if state.transform.numbered(finding.type):
            return numbering.placeholder(key)
        # Each spelling has a number of its own, so that what it becomes can be written as it was.
        label = numbering.placeholder((*key, original, str(bare)))
        talk.marked[label] = Occurrence(*key, finding.surface, original, bare)
        return label

    try:
        for turn in sorted(turns):
            named: list[Key] = []
            text = row.texts[turn]
            findings = resolve([*talk.found.get((row.index, turn), ()), *propagation.find(text)])
            if findings:
                row.texts[turn] = replace(text, findings, placeholder)
                row.changed = row.changed or row.texts[turn] != text
                state.replaced += [(one.type, one.detector, row.roles[turn]) for one in findings]
                talk.pending.append((row, turn))
                talk.named.update(named)
    except Exception as problem:
        _refuse([row], problem, state)


def _find_each(texts: Sequence[str], state: _Pass, tally: Tally | None) -> Iterator[list[Finding] | Exception]:
    """Findings of each text, or why it cannot be looked at."""
    for first in range(0, len(texts), _TOGETHER):
        together = texts[first : first + _TOGETHER]
        counts: Tally = Counter()
        try:
            found = find_each(together, state.types, state.allow, counts, state.left_out)
            found = joined(found, together, state.others, state.types, state.allow)
        except Exception:
            # One of them cannot be looked at: each by itself, so that it costs no other.
            yield from (_found(text, state, tally) for text in together)
            continue
        if tally is not None:
            tally.update(counts)
        yield from found


def _found(text: str, state: _Pass, tally: Tally | None) -> list[Finding] | Exception:
    try:
        found = find(text, state.types, state.allow, tally, state.left_out)
        return joined([found], [text], state.others, state.types, state.allow)[0]
    except Exception as problem:
        return problem


def _rescan(talks: Sequence[_Talk], state: _Pass) -> None:
    """Look at what is about to be passed on as if it had never been seen."""
    kept = [row for talk in talks for row in talk.rows if row.index not in state.refused]
    looked = _find_each([text for row in kept for text in row.texts], state, None)
    for row in kept:
        left = [next(looked) for _ in row.texts]
        problem = next((found for found in left if isinstance(found, Exception)), None)
        if problem is not None:
            _refuse([row], problem, state)
            continue
        state.residual.update(one.type for found in left if not isinstance(found, Exception) for one in found)
        state.masked[row.index] = row
    state.entities.update(kind for talk in talks for kind, _ in talk.named)


def _transform(talks: Sequence[_Talk], state: _Pass) -> None:
    """Put what the profile says in the place of the placeholders; a row of which that fails is kept back."""
    if not state.transform.renders:
        return
    real = [{squeezed(part) for key in talk.confirmed for part in key[1:]} for talk in talks]
    everywhere = frozenset().union(*real)
    for talk, here in zip(talks, real, strict=True):
        for row in talk.rows:
            if talk.marked and row.index in state.masked:
                _transform_row(row, talk, here, everywhere, state)


def _transform_row(row: Row, talk: _Talk, here: Set[str], everywhere: Set[str], state: _Pass) -> None:
    try:
        row.texts[:] = [
            state.transform.text(text, talk.marked, row.record_id, talk.id, here, everywhere) for text in row.texts
        ]
    except DroppedByProfileError:
        del state.masked[row.index]
        state.refused[row.index] = (row.record_id, "dropped-by-profile")
    except Exception as problem:
        _refuse([row], problem, state)


def _refuse(rows: list[Row], problem: Exception, state: _Pass) -> None:
    """Keep rows back. Only the class of the problem is told: its message might quote the text."""
    for row in rows:
        state.masked.pop(row.index, None)
        state.refused[row.index] = (row.record_id, f"failed-{type(problem).__name__}")
    _log.warning("rows quarantined", extra={"rows": len(rows), "problem": type(problem).__name__})


def _result(table: pa.Table, section: PrivacySection, state: _Pass) -> MaskResult:
    kept = [state.masked[index] for index in sorted(state.masked)]
    masked = with_texts(table, kept)
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
        rows_changed=sum(row.changed for row in kept),
        quarantined=sorted_counts(Counter(reason for _, reason in refused)),
        counts=role_counts(state.replaced),
        entities=sorted_counts(state.entities),
        validators=validator_rows(state.tally),
        residual=sorted_counts(state.residual),
        residual_tolerance=section.residual_tolerance,
        key_id=state.transform.key_id,
        operators=operators_of(section),
    )
    return MaskResult(masked, quarantined, report)
