"""Curation: exact duplicates, languages, splits and sampling; every removed row is accounted for.

Nothing here depends on the order of the rows it is given: results are sorted, choices are made by hashes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlops.datasets.chat import conform
from mlops.datasets.config import CurationSection
from mlops.datasets.errors import DatasetError

REMOVED_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("kept_record_id", pa.string()),
    ]
)
_ORDER = ("record_id", "conversation_id", "source", "language", "created_at")


def curate(table: pa.Table, section: CurationSection) -> tuple[dict[str, pa.Table], pa.Table]:
    """Languages, duplicates, conflicts, split and sampling in this order.

    Returns:
        `{"train", "validation", "test"}` to tables of CHAT_SCHEMA sorted by record_id, and the removal log
        (`REMOVED_SCHEMA`). Rows in = rows of the three tables + rows of the log.
    """
    table, removed = keep_languages(table, section.languages)
    logs = [removed]
    if section.duplicates == "exact":
        table, removed = drop_exact_duplicates(table)
        logs.append(removed)
    if section.conflicts == "drop":
        table, removed = drop_conflicts(table)
        logs.append(removed)
    shares = {"train": section.split.train, "validation": section.split.validation, "test": section.split.test}
    splits = split_by_conversation(table, shares, section.split_salt)
    if section.max_train_rows is not None:
        splits["train"], removed = sample_rows(splits["train"], section.max_train_rows, section.split_salt)
        logs.append(removed)
    return splits, pa.concat_tables(logs).combine_chunks()


def drop_exact_duplicates(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Keep one row of those whose messages are equal in roles and in text, case and white space aside.

    The row with the smallest record_id stays. Returns (kept, removed): CHAT_SCHEMA sorted by record_id, and
    `REMOVED_SCHEMA` with the reason `exact_duplicate` and the id of the row that stayed.
    """
    chat = sort_rows(table)
    first: dict[bytes, int] = {}
    keepers = np.fromiter(
        (first.setdefault(key, row) for row, key in enumerate(text_keys(chat))), dtype=np.int64, count=chat.num_rows
    )
    stays = keepers == np.arange(chat.num_rows)
    kept_ids = chat["record_id"].take(pa.array(keepers[~stays]))
    removed = chat.filter(pa.array(~stays))
    return chat.filter(pa.array(stays)), _log(removed["record_id"], "exact_duplicate", kept_ids)


def drop_conflicts(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Remove every row of those that have one prompt and different targets: nothing says which answer is right.

    The prompt is all messages but the last, compared like duplicates. Returns (kept, removed) as there; the reason is
    `conflicting_target` and no row stays in their place.
    """
    chat = sort_rows(table)
    messages = chat["messages"].to_pylist()
    prompts = [_text_key((row or ())[:-1]) for row in messages]
    often = Counter(prompts)
    conflict = pa.array(
        [len(row or ()) > 1 and often[key] > 1 for row, key in zip(messages, prompts, strict=True)], pa.bool_()
    )
    removed = chat.filter(conflict)
    return chat.filter(pc.invert(conflict)), _log(removed["record_id"], "conflicting_target", None)


def keep_languages(table: pa.Table, languages: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Keep rows in one of `languages`; an empty sequence keeps all.

    Returns (kept, removed); the reason is `language_missing` for a null and `language_not_allowed` otherwise.
    """
    chat = sort_rows(table)
    if not languages:
        return chat, REMOVED_SCHEMA.empty_table()
    allowed = pc.is_in(chat["language"], value_set=pa.array(languages, pa.string()))
    missing = chat.filter(pc.is_null(chat["language"]))["record_id"]
    other = chat.filter(pc.and_(pc.invert(allowed), pc.is_valid(chat["language"])))["record_id"]
    log = pa.concat_tables([_log(missing, "language_missing", None), _log(other, "language_not_allowed", None)])
    return chat.filter(allowed), log


def split_by_conversation(table: pa.Table, shares: Mapping[str, float], salt: str) -> dict[str, pa.Table]:
    """Assign whole conversations to splits by a keyed hash.

    BLAKE2b (RFC 7693) of the conversation id, keyed with `salt`, is a number in [0, 1); the splits take their shares of
    that range in the order of `shares`. So a conversation keeps its side when others come or go, and no conversation is
    on two sides. Conversations that share an exact duplicate stay together, on the side of the one with the smallest
    hash. A row without a conversation id is a conversation of its own.

    Returns one table per split (possibly empty), CHAT_SCHEMA, sorted by record_id.

    Raises:
        DatasetError: DATASET-008 when shares are negative or do not add up to 1.
    """
    # Written so that a NaN is refused too.
    if not (shares and min(shares.values()) >= 0 and abs(sum(shares.values()) - 1.0) <= 1e-9):
        raise DatasetError(
            "DATASET-008",
            f"expected shares of at least 0 that add up to 1, found a sum of {sum(shares.values()):.6f}",
            todo="correct curation.split",
        )
    chat = sort_rows(table)
    places = _component_places(chat, keyed_hash(salt))
    edges = np.cumsum(np.array(list(shares.values())))[:-1]
    sides = np.searchsorted(edges, places, side="right")
    return {name: chat.filter(pa.array(sides == side)) for side, name in enumerate(shares)}


def sample_rows(table: pa.Table, rows: int, salt: str) -> tuple[pa.Table, pa.Table]:
    """Keep the `rows` rows with the smallest keyed hash of their record_id; reason of the others: `not_sampled`.

    A larger sample contains the smaller one.

    Raises:
        DatasetError: DATASET-008 for fewer than one row.
    """
    if rows < 1:
        raise DatasetError("DATASET-008", f"expected at least 1 row, found {rows}", todo="correct max_train_rows")
    chat = sort_rows(table)
    if chat.num_rows <= rows:
        return chat, REMOVED_SCHEMA.empty_table()
    place = keyed_hash(salt)
    places = np.array([place(f"sample:{identity}") for identity in chat["record_id"].to_pylist()])
    stays = np.zeros(chat.num_rows, dtype=bool)
    stays[np.argsort(places, kind="stable")[:rows]] = True
    return chat.filter(pa.array(stays)), _log(chat.filter(pa.array(~stays))["record_id"], "not_sampled", None)


def sort_rows(table: pa.Table) -> pa.Table:
    """CHAT_SCHEMA sorted by record_id (then by the other flat columns, so that a repeated id has an order too)."""
    chat = conform(table)
    return conform(chat.take(pc.sort_indices(chat, sort_keys=[(name, "ascending") for name in _ORDER])))


def text_keys(table: pa.Table) -> list[bytes]:
    """Per row a 16-byte digest of its messages: roles and texts, casefolded, runs of white space as one space."""
    return [_text_key(messages or ()) for messages in table["messages"].to_pylist()]


def keyed_hash(salt: str) -> Callable[[str], float]:
    """A function from text to a number in [0, 1), uniform over texts and independent between salts."""
    key = hashlib.sha256(salt.encode()).digest()

    def place(text: str) -> float:
        digest = hashlib.blake2b(text.encode(), key=key, digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    return place


def _text_key(messages: Iterable[Mapping[str, str | None]]) -> bytes:
    parts = []
    for message in messages:
        text = " ".join((message["content"] or "").casefold().split())
        parts.append(f"{message['role']}\x1f{text}")
    return hashlib.blake2b("\x1e".join(parts).encode(), digest_size=16).digest()


def _component_places(chat: pa.Table, place: Callable[[str], float]) -> npt.NDArray[np.float64]:
    """Per row the smallest hash in its group of conversations that exact duplicates tie together."""
    names = [
        f"conversation:{conversation}" if conversation is not None else f"record:{record}"
        for conversation, record in zip(chat["conversation_id"].to_pylist(), chat["record_id"].to_pylist(), strict=True)
    ]
    parents: dict[str, str] = {}
    places = {name: place(name) for name in set(names)}
    owner: dict[bytes, str] = {}
    for name, key in zip(names, text_keys(chat), strict=True):
        mine, other = _root(parents, name), _root(parents, owner.setdefault(key, name))
        if mine != other:
            low, high = sorted((mine, other), key=lambda root: (places[root], root))
            parents[high] = low
    return np.array([places[_root(parents, name)] for name in names], dtype=np.float64)


def _root(parents: dict[str, str], name: str) -> str:
    root = name
    while (parent := parents.get(root)) is not None:
        root = parent
    while name != root:
        parents[name], name = root, parents[name]
    return root


def _log(record_ids: pa.ChunkedArray, reason: str, kept: pa.ChunkedArray | None) -> pa.Table:
    reasons = pa.array([reason] * len(record_ids), pa.string())
    kept = kept if kept is not None else pa.nulls(len(record_ids), pa.string())
    return pa.table([record_ids, reasons, kept], schema=REMOVED_SCHEMA)
