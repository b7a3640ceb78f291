"""From one raw record of a source to canonical rows, or to the reason why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mlops.datasets.chat import ROLES
from mlops.datasets.config import SourceSection, WindowSection

Message = dict[str, str]
Row = dict[str, Any]


class Reason(StrEnum):
    """Why a raw record gave no row."""

    BLANK_LINE = "blank_line"
    CONTENT_WRONG_TYPE = "content_wrong_type"
    CREATED_AT_INVALID = "created_at_invalid"
    CREATED_AT_NO_TIMEZONE = "created_at_no_timezone"
    CREATED_AT_WRONG_TYPE = "created_at_wrong_type"
    FIELD_WRONG_TYPE = "field_wrong_type"
    INVALID_CSV = "invalid_csv"
    INVALID_JSON = "invalid_json"
    LINE_TOO_LONG = "line_too_long"
    MESSAGE_WRONG_TYPE = "message_wrong_type"
    MESSAGES_WRONG_TYPE = "messages_wrong_type"
    NO_ASSISTANT_MESSAGE = "no_assistant_message"
    NO_MESSAGES = "no_messages"
    NOT_AN_OBJECT = "not_an_object"
    ROLE_UNKNOWN = "role_unknown"
    TRUNCATED_LINE = "truncated_line"
    UNDECODABLE_BYTES = "undecodable_bytes"
    WRONG_COLUMN_COUNT = "wrong_column_count"


@dataclass(frozen=True)
class FieldMapping:
    """A `SourceSection` with every default filled in; `None` means that the source has no such field."""

    messages: str | None
    role: str
    content: str
    roles: Mapping[str, str]
    prompt: str
    response: str
    id: str | None
    conversation: str | None
    source: str | None
    language: str | None
    created_at: str | None


_SAMPLE = FieldMapping(
    messages="messages",
    role="role",
    content="content",
    roles={role: role for role in ROLES},
    prompt="",
    response="",
    id="id",
    conversation="conversation",
    source="source",
    language="language",
    created_at="created_at",
)


def field_mapping(section: SourceSection) -> FieldMapping:
    """Resolve the defaults of the layout."""
    if section.kind == "sample":
        return _SAMPLE
    turns = section.layout == "turns"
    default_roles = {"USER": "user", "SYSTEM": "assistant"} if turns else _SAMPLE.roles
    messages = section.messages_field or ("turns" if turns else "messages")
    return FieldMapping(
        messages=None if section.layout == "columns" else messages,
        role=section.role_field or ("speaker" if turns else "role"),
        content=section.content_field or ("text" if turns else "content"),
        roles=section.role_map or default_roles,
        prompt=section.prompt_field or "prompt",
        response=section.response_field or "response",
        id=section.id_field,
        conversation=section.conversation_field,
        source=section.source_field,
        language=section.language_field,
        created_at=section.created_at_field,
    )


def rows_of(record: Any, section: SourceSection, fields: FieldMapping) -> list[Row] | Reason:
    """All rows of one record, one per window, or the reason why there is none."""
    if not isinstance(record, dict):
        return Reason.NOT_AN_OBJECT
    messages = _messages(record, fields)
    if isinstance(messages, Reason):
        return messages
    known = _known(record, fields)
    if isinstance(known, Reason):
        return known
    created_at = _moment(record.get(fields.created_at)) if fields.created_at else None
    if isinstance(created_at, Reason):
        return created_at
    cuts = windows(messages, section.window)
    if not cuts:
        return Reason.NO_ASSISTANT_MESSAGE
    source_id = known["id"]
    conversation = known["conversation"]
    if fields.conversation is None:
        conversation = source_id if source_id is not None else record_id(section.name, None, None, messages)
    return [
        {
            "record_id": record_id(section.name, source_id, end if section.window else None, cut),
            "conversation_id": conversation,
            "source": known["source"] if fields.source else section.name,
            "language": known["language"] or section.language,
            "created_at": created_at,
            "messages": cut,
        }
        for end, cut in cuts
    ]


def record_id(source: str, source_id: str | None, end: int | None, messages: list[Message]) -> str:
    """16 hex digits of SHA-256 over the source's name and the source's id (with the window's last index, if cut).

    Without a source id the messages take its place. Neither depends on the order of rows.
    """
    identity: Any = ["content", messages] if source_id is None else ["id", source_id, end]
    return hashlib.sha256(json.dumps([source, identity], sort_keys=True).encode()).hexdigest()[:16]


def windows(messages: list[Message], window: WindowSection | None) -> list[tuple[int, list[Message]]]:
    """(index of the last message, messages) of each row; the last message is the assistant's unless `window` is None.

    A cut that would begin with an answer loses it, as long as a user's message stays. Empty when no assistant
    message can be a target.
    """
    targets = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if not targets:
        return []
    if window is None:
        return [(len(messages) - 1, messages)]
    first_user = next((index for index, message in enumerate(messages) if message["role"] == "user"), len(messages))
    answers = [index for index in targets if index > first_user]
    stride = window.stride if window.target == "every_assistant" else len(messages)
    chosen = answers[::-1][::stride][::-1]
    return [(end, _cut(messages[: end + 1], window.max_messages)) for end in chosen]


def _cut(messages: list[Message], most: int) -> list[Message]:
    if len(messages) <= most:
        return messages
    head = messages[:1] if messages[0]["role"] == "system" and most > 2 else []
    tail = messages[len(messages) - most + len(head) :]
    start = next((index for index, message in enumerate(tail) if message["role"] == "user"), 0)
    return [*head, *tail[start:]]


def _messages(record: Mapping[str, Any], fields: FieldMapping) -> list[Message] | Reason:
    if fields.messages is None:
        raw: Any = [
            {fields.role: "user", fields.content: record.get(fields.prompt)},
            {fields.role: "assistant", fields.content: record.get(fields.response)},
        ]
    else:
        raw = record.get(fields.messages)
    if raw is None:
        return Reason.NO_MESSAGES
    if not isinstance(raw, list):
        return Reason.MESSAGES_WRONG_TYPE
    messages: list[Message] = []
    for item in raw:
        message = _message(item, fields)
        if isinstance(message, Reason):
            return message
        messages.append(message)
    return messages or Reason.NO_MESSAGES


def _message(item: Any, fields: FieldMapping) -> Message | Reason:
    if not isinstance(item, dict):
        return Reason.MESSAGE_WRONG_TYPE
    role, content = item.get(fields.role), item.get(fields.content)
    if not isinstance(role, str) or role not in fields.roles:
        return Reason.ROLE_UNKNOWN
    if not isinstance(content, str):
        return Reason.CONTENT_WRONG_TYPE
    if not _encodable(content):
        return Reason.UNDECODABLE_BYTES
    return {"role": fields.roles[role], "content": content}


def _known(record: Mapping[str, Any], fields: FieldMapping) -> dict[str, str | None] | Reason:
    """The plain text fields: id and conversation may be whole numbers, source and language may not."""
    known: dict[str, str | None] = {}
    names = {"id": fields.id, "conversation": fields.conversation, "source": fields.source, "language": fields.language}
    for name, field in names.items():
        value = record.get(field) if field else None
        if isinstance(value, int) and not isinstance(value, bool) and name in ("id", "conversation"):
            value = str(value)
        if value is not None and not isinstance(value, str):
            return Reason.FIELD_WRONG_TYPE
        if value and not _encodable(value):
            return Reason.UNDECODABLE_BYTES
        known[name] = value or None
    return known


def _moment(value: Any) -> datetime | Reason | None:
    """A time in UTC; an empty cell is no time."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return Reason.CREATED_AT_INVALID
    if not isinstance(value, datetime):
        return Reason.CREATED_AT_WRONG_TYPE
    if value.tzinfo is None:
        return Reason.CREATED_AT_NO_TIMEZONE
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, moved beyond it by its zone
        return Reason.CREATED_AT_INVALID


def _encodable(text: str) -> bool:
    """Lone surrogates (a broken escape in JSON, or bytes that are not UTF-8) cannot be stored as text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
