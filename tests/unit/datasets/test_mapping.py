"""Windows, ids and times of single records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.datasets.config import SourceSection, WindowSection
from mlops.datasets.mapping import Reason, field_mapping, rows_of, windows

CHAT = SourceSection(name="desk", kind="jsonl", path="x", id_field="id", created_at_field="at", language_field="lang")
PAIR = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
ROLES = st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), max_size=14)
WINDOWS = st.builds(
    WindowSection,
    max_messages=st.integers(2, 9),
    target=st.sampled_from(["last", "every_assistant"]),
    stride=st.integers(1, 4),
)


def talk(roles: list[str]) -> list[dict[str, str]]:
    return [{"role": role, "content": f"{role} {turn}"} for turn, role in enumerate(roles)]


def read(record: Any, section: SourceSection = CHAT) -> Any:
    return rows_of(record, section, field_mapping(section))


@settings(deadline=None)
@given(roles=ROLES, window=WINDOWS)
def test_each_window_is_short_enough_and_ends_with_an_answer(roles: list[str], window: WindowSection) -> None:
    messages = talk(roles)
    for end, cut in windows(messages, window):
        assert 2 <= len(cut) <= window.max_messages or "user" not in roles
        assert cut[-1] is messages[end]
        assert cut[-1]["role"] == "assistant"
        # What stays is a run of the conversation, after the system message that may head it.
        body = cut[1:] if cut[0]["role"] == "system" and len(cut) < end + 1 else cut
        assert body == messages[end + 1 - len(body) : end + 1]


@settings(deadline=None)
@given(roles=ROLES, window=WINDOWS)
def test_the_last_answer_to_a_user_is_never_lost(roles: list[str], window: WindowSection) -> None:
    answers = [i for i, role in enumerate(roles) if role == "assistant" and "user" in roles[:i]]
    ends = [end for end, _ in windows(talk(roles), window)]
    assert ends[-1:] == answers[-1:]
    if window.target == "every_assistant":
        assert len(ends) == -(-len(answers) // window.stride)


def test_a_cut_keeps_the_system_message_and_begins_with_the_user() -> None:
    messages = talk(["system", "user", "assistant", "user", "assistant", "user", "assistant"])
    ((end, cut),) = windows(messages, WindowSection(max_messages=5))
    assert end == 6
    assert [message["content"] for message in cut] == ["system 0", "user 3", "assistant 4", "user 5", "assistant 6"]
    ((_, shorter),) = windows(messages, WindowSection(max_messages=4))
    assert [message["content"] for message in shorter] == ["system 0", "user 5", "assistant 6"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"messages": None}, Reason.NO_MESSAGES, id="null messages"),
        pytest.param({"messages": []}, Reason.NO_MESSAGES, id="no messages"),
        pytest.param({"messages": "q"}, Reason.MESSAGES_WRONG_TYPE, id="messages are text"),
        pytest.param({"messages": {"0": "q"}}, Reason.MESSAGES_WRONG_TYPE, id="messages are an object"),
        pytest.param({"messages": ["q", "a"]}, Reason.MESSAGE_WRONG_TYPE, id="a message is text"),
        pytest.param({"messages": [{"role": "bot", "content": "q"}]}, Reason.ROLE_UNKNOWN, id="unknown role"),
        pytest.param({"messages": [{"role": ["user"], "content": "q"}]}, Reason.ROLE_UNKNOWN, id="role is a list"),
        pytest.param({"messages": [{"content": "q"}]}, Reason.ROLE_UNKNOWN, id="no role"),
        pytest.param({"messages": [{"role": "user", "content": 5}]}, Reason.CONTENT_WRONG_TYPE, id="number"),
        pytest.param({"messages": [{"role": "user"}]}, Reason.CONTENT_WRONG_TYPE, id="no content"),
        pytest.param(
            {"messages": [{"role": "user", "content": "\ud800"}]}, Reason.UNDECODABLE_BYTES, id="lone surrogate"
        ),
        pytest.param({"messages": PAIR[:1]}, Reason.NO_ASSISTANT_MESSAGE, id="nobody answers"),
        pytest.param({"at": "2026-01-01T10:00:00"}, Reason.CREATED_AT_NO_TIMEZONE, id="no zone"),
        pytest.param({"at": "2026-01-01"}, Reason.CREATED_AT_NO_TIMEZONE, id="date only"),
        pytest.param({"at": "2026-13-01T10:00:00Z"}, Reason.CREATED_AT_INVALID, id="month 13"),
        pytest.param({"at": "0001-01-01T00:00:00+05:00"}, Reason.CREATED_AT_INVALID, id="before the calendar"),
        pytest.param({"at": 1767225600}, Reason.CREATED_AT_WRONG_TYPE, id="epoch number"),
        pytest.param({"id": ["m1"]}, Reason.FIELD_WRONG_TYPE, id="id is a list"),
        pytest.param({"id": True}, Reason.FIELD_WRONG_TYPE, id="id is a truth value"),
        pytest.param({"id": "\udfff"}, Reason.UNDECODABLE_BYTES, id="id is no text"),
        pytest.param({"lang": 3}, Reason.FIELD_WRONG_TYPE, id="language is a number"),
    ],
)
def test_a_bad_record_has_its_own_reason(change: dict[str, Any], reason: Reason) -> None:
    good = {"id": "m1", "messages": PAIR, "at": "2026-01-01T10:00:00+01:00", "lang": "en"}
    assert len(read(good)) == 1
    assert read({**good, **change}) is reason


@pytest.mark.parametrize("record", ["text", 3, None, ["a"]])
def test_a_record_that_is_no_object_is_told_apart(record: Any) -> None:
    assert read(record) is Reason.NOT_AN_OBJECT


def test_times_are_turned_to_utc() -> None:
    (row,) = read({"messages": PAIR, "at": "2026-01-01T10:00:00+01:00"})
    assert row["created_at"] == datetime(2026, 1, 1, 9, tzinfo=UTC)


def test_ids_follow_the_source_id_or_else_the_content() -> None:
    other = [*PAIR[:1], {"role": "assistant", "content": "b"}]
    by_id = [read({"id": name, "messages": text})[0]["record_id"] for name in ("1", "2") for text in (PAIR, other)]
    assert by_id[0] == by_id[1] != by_id[2] == by_id[3]
    assert read({"id": 1, "messages": PAIR})[0]["record_id"] == by_id[0]
    by_content = [read({"messages": text})[0]["record_id"] for text in (PAIR, other, PAIR)]
    assert by_content[0] == by_content[2] != by_content[1]
    elsewhere = CHAT.model_copy(update={"name": "shop"})
    assert read({"id": "1", "messages": PAIR}, elsewhere)[0]["record_id"] != by_id[0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=5), min_size=1, max_size=20, unique=True))
def test_windows_of_one_record_have_different_ids_of_the_promised_form(texts: list[str]) -> None:
    section = CHAT.model_copy(update={"window": WindowSection(max_messages=2, target="every_assistant")})
    messages = [message for text in texts for message in ({"role": "user", "content": text}, PAIR[1])]
    ids = [row["record_id"] for row in read({"id": "m", "messages": messages}, section)]
    assert len(set(ids)) == len(texts)
    assert all(len(identity) == 16 and int(identity, 16) >= 0 for identity in ids)


def test_conversation_is_the_named_field_or_the_id_or_the_row_itself() -> None:
    named = CHAT.model_copy(update={"conversation_field": "talk"})
    assert read({"id": "m", "talk": 7, "messages": PAIR}, named)[0]["conversation_id"] == "7"
    assert read({"id": "m", "messages": PAIR}, named)[0]["conversation_id"] is None
    assert read({"id": "m", "messages": PAIR})[0]["conversation_id"] == "m"
    (row,) = read({"messages": PAIR})
    assert row["conversation_id"] == row["record_id"]


def test_turns_and_columns_are_read_by_their_defaults() -> None:
    turns = SourceSection(name="sgd", kind="jsonl", path="x", layout="turns", language="en")
    spoken = {"turns": [{"speaker": "USER", "text": "q"}, {"speaker": "SYSTEM", "text": "a"}]}
    columns = SourceSection(name="faq", kind="csv", path="x", layout="columns", prompt_field="q")
    assert read(spoken, turns)[0]["messages"] == PAIR
    assert read(spoken, turns)[0]["language"] == "en"
    assert read({"q": "q", "response": "a"}, columns)[0]["messages"] == PAIR
    assert read({"q": "q"}, columns) is Reason.CONTENT_WRONG_TYPE


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "messages", "role", "content", "at", "lang"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_json_value_raises(record: Any) -> None:
    found = read(json.loads(json.dumps(record)))
    assert isinstance(found, Reason | list)
