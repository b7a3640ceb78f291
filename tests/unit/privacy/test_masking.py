from __future__ import annotations

import json
import logging
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.artifacts import canonical_json
from mlops.privacy import detection, masking
from mlops.privacy.config import ENTITY_TYPES, PrivacySection
from mlops.privacy.detection import detect
from mlops.privacy.errors import PrivacyError
from mlops.privacy.masking import mask_table
from mlops.privacy.normalisation import PLACEHOLDER
from mlops.privacy.questions import answered
from mlops.privacy.rows import MAX_ROW_CHARACTERS
from tests.unit.privacy.chat_rows import AWS_KEY, CARD, FRAGMENTS, GITHUB_TOKEN, IBAN, chat_table, contents, texts

SECTION = PrivacySection()


def masked(*messages: str, section: PrivacySection = SECTION) -> list[str]:
    rows = [("a" * 16, "c", [("user", text) for text in messages])]
    return contents(mask_table(chat_table(rows), section).table)["a" * 16]


def test_one_value_has_one_number_in_its_conversation_and_starts_anew_in_the_next() -> None:
    table = chat_table(
        [
            ("b", "c1", [("user", "I am b@x.org"), ("assistant", "thanks b@x.org, and A@X.org?")]),
            ("a", "c1", [("user", "write to a@x.org")]),
            ("d", "c2", [("user", "b@x.org")]),
        ]
    )
    assert contents(mask_table(table, SECTION).table) == {
        "b": ["I am <EMAIL_ADDRESS_2>", "thanks <EMAIL_ADDRESS_2>, and <EMAIL_ADDRESS_1>?"],
        "a": ["write to <EMAIL_ADDRESS_1>"],
        "d": ["<EMAIL_ADDRESS_1>"],
    }


def test_spellings_of_one_value_share_its_number() -> None:
    assert masked(
        "my name is Anna Smith, call +1 415 555 0132", "ANNA SMITH or anna or Anna's", "(415) 555-0132", "4155550132"
    ) == [
        "my name is <PERSON_1>, call <PHONE_NUMBER_1>",
        "<PERSON_1> or <PERSON_1> or <PERSON_1>'s",
        "<PHONE_NUMBER_1>",
        "<PHONE_NUMBER_1>",
    ]


def test_a_value_confirmed_anywhere_is_masked_everywhere_in_its_conversation() -> None:
    table = chat_table(
        [
            ("a", "c", [("system", "Agent notes: hunter2! works"), ("tool", '{"owner":"Zoe Kovac","p":"hunter2!"}')]),
            ("b", "c", [("user", "my name is Zoe Kovac, password: hunter2!"), ("assistant", "Thanks Zoe")]),
            ("z", "other", [("assistant", "Zoe is a name")]),
        ]
    )
    assert contents(mask_table(table, SECTION).table) == {
        "a": ["Agent notes: <SECRET_1> works", '{"owner":"<PERSON_1>","p":"<SECRET_1>"}'],
        "b": ["my name is <PERSON_1>, password: <SECRET_1>", "Thanks <PERSON_1>"],
        "z": ["Zoe is a name"],
    }


def test_a_name_that_is_a_word_is_masked_only_where_it_is_written_as_a_name() -> None:
    assert masked("my name is Will Stone", "will you? Will knows. a stone") == [
        "my name is <PERSON_1>",
        "will you? <PERSON_1> knows. a stone",
    ]


def test_the_ticket_stays_json_and_keeps_its_amount() -> None:
    ticket = '{"intent":"refund","product":"router","urgency":"high","amount":"49.90 EUR","action":"refund_payment"}'
    reply = f"{ticket}\nWe will refund 49.90 EUR for your router."
    row = ("a", "c", [("user", f"I'm Anna Smith, card {CARD}, 49.90 EUR back please"), ("assistant", reply)])
    assert contents(mask_table(chat_table([row]), SECTION).table)["a"][1] == reply


@pytest.mark.parametrize("number", [CARD, f"-{CARD}", f"{CARD}e0"])
def test_a_number_in_json_becomes_a_string(number: str) -> None:
    text = f'{{"card":{number},"note":"card {CARD}\\nanna@x.org","n":[1,2]}}'
    (result,) = masked(f"card {CARD}", text)[1:]
    assert json.loads(result)["note"] == "card <CREDIT_CARD_1>\n<EMAIL_ADDRESS_1>"
    assert json.loads(result)["n"] == [1, 2]
    assert CARD not in result or number.endswith("e0")


@settings(max_examples=100, deadline=None)
@given(st.lists(texts(4), max_size=3), st.booleans())
def test_json_stays_json(values: list[str], ascii_only: bool) -> None:
    text = json.dumps({"items": values, "card": int(CARD), "total": 49.9}, ensure_ascii=ascii_only)
    result = json.loads(masked(text)[0])
    assert set(result) == {"items", "card", "total"}
    assert len(result["items"]) == len(values)
    # The items may hold another card, which then comes first.
    assert result["card"].startswith("<CREDIT_CARD_")
    assert result["total"] == 49.9


@settings(max_examples=150, deadline=None)
@given(texts())
def test_masking_is_idempotent_and_leaves_nothing(text: str) -> None:
    rows = [("a", "c", [("user", text)])]
    first = mask_table(chat_table(rows), SECTION)
    second = mask_table(first.table, SECTION)
    assert first.report.residual_total == 0
    assert second.table.equals(first.table)
    assert second.report.rows_changed == 0


@settings(max_examples=150, deadline=None)
@given(texts())
def test_text_outside_the_spans_is_unchanged(text: str) -> None:
    # A lone conversation of one message: everything between the placeholders stands in the source in the same order.
    result = masked(text)[0]
    position = 0
    for part in PLACEHOLDER.sub("\x00", result).split("\x00"):
        kept = part.strip('"')
        found = text.find(kept, position)
        assert found >= 0
        position = found + len(kept)


def _conversations() -> st.SearchStrategy[list[tuple[str, str, list[tuple[str, str]]]]]:
    message = st.tuples(
        st.sampled_from(["user", "assistant", "tool"]), st.lists(st.sampled_from(FRAGMENTS)).map(" ".join)
    )
    body = st.tuples(st.sampled_from(["c1", "c2"]), st.lists(message, max_size=3))
    return st.lists(body, min_size=1, max_size=6).map(
        lambda bodies: [(f"{index:016x}", name, messages) for index, (name, messages) in enumerate(bodies)]
    )


@settings(max_examples=60, deadline=None)
@given(_conversations(), st.randoms(use_true_random=False))
def test_order_and_chunks_of_the_rows_do_not_matter(rows: list[Any], chance: random.Random) -> None:
    straight = mask_table(chat_table(rows), SECTION)
    shuffled = rows[:]
    chance.shuffle(shuffled)
    cut = chance.randint(0, len(rows))
    chunked = pa.concat_tables([chat_table(shuffled[:cut]), chat_table(shuffled[cut:])])
    other = mask_table(chunked, SECTION)
    assert contents(other.table) == contents(straight.table)
    assert other.report == straight.report


def test_other_columns_and_the_order_of_the_rows_stay() -> None:
    table = chat_table([("b", "c", [("user", "a@x.org")]), ("a", "c", []), ("c", "c", [("user", "hello")])])
    result = mask_table(table, SECTION).table
    assert result.schema == table.schema
    assert result.drop_columns(["messages"]).equals(table.drop_columns(["messages"]))


def test_no_rows_give_no_rows() -> None:
    result = mask_table(chat_table([]), SECTION)
    assert (result.table.num_rows, result.quarantined.num_rows, result.report.rows_in) == (0, 0, 0)


def test_numbers_of_placeholders_already_there_are_not_reused() -> None:
    assert masked("<EMAIL_ADDRESS_3> and b@x.org") == ["<EMAIL_ADDRESS_3> and <EMAIL_ADDRESS_4>"]


def test_profile_and_allowed_values() -> None:
    section = PrivacySection(profile="pci", allow=("Help@x.org",))
    assert masked(f"my name is Bob, {CARD}", section=section) == ["my name is Bob, <CREDIT_CARD_1>"]
    assert masked("help@X.org b@x.org", section=PrivacySection(allow=("Help@x.org",))) == [
        "help@X.org <EMAIL_ADDRESS_1>"
    ]


# -- fail-closed ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_quarantined() -> None:
    good = ("a", "c", [("user", "hello")])
    table = chat_table(
        [
            good,
            ("b", "c", [("user", "x" * (MAX_ROW_CHARACTERS + 1))]),
            ("d", "c", None),
            ("e", "c", [("user", None)]),
            (None, "c", [("user", "hi")]),
            ("f", "f@x.org", [("user", "hi")]),
        ]
    )
    result = mask_table(table, SECTION)
    assert contents(result.table) == {"a": ["hello"]}
    assert result.quarantined.to_pylist() == [
        {"record_id": "b", "reason": "too-long"},
        {"record_id": "d", "reason": "missing-content"},
        {"record_id": "e", "reason": "missing-content"},
        {"record_id": None, "reason": "no-record-id"},
        {"record_id": None, "reason": "identifier-holds-personal-data"},
    ]
    assert result.report.rows_in == result.report.rows_out + result.report.rows_quarantined


@pytest.mark.parametrize("column", ["conversation_id", "source", "language"])
@pytest.mark.parametrize("value", ["import of f@x.org", CARD], ids=["e-mail", "card"])
def test_a_label_that_is_personal_data_keeps_its_row_back(column: str, value: str) -> None:
    table = chat_table([("a", "c", [("user", "hi")]), ("b", "d", [("user", "hi")])])
    labels = {"conversation_id": ["c", "d"], "source": ["chat", "chat"], "language": ["en", "en"]}
    labels[column][1] = value
    for name, values in labels.items():
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, [values]) if index >= 0 else table.append_column(name, [values])
    result = mask_table(table, SECTION)
    assert contents(result.table) == {"a": ["hi"]}
    assert result.quarantined.to_pylist() == [{"record_id": None, "reason": "identifier-holds-personal-data"}]


def test_bytes_that_are_no_utf8_are_quarantined() -> None:
    def strings(*values: bytes) -> pa.Array:
        binary = pa.array(values, pa.binary())
        return pa.Array.from_buffers(pa.string(), len(values), binary.buffers())

    message = pa.StructArray.from_arrays(
        [strings(b"user", b"user"), strings(b"a\xff@x.org", b"ok")], ["role", "content"]
    )
    table = pa.table(
        {
            "record_id": strings(b"a", b"b"),
            "conversation_id": strings(b"c", b"c"),
            "messages": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), message),
        }
    )
    result = mask_table(table, SECTION)
    assert contents(result.table) == {"b": ["ok"]}
    assert result.quarantined.to_pylist() == [{"record_id": "a", "reason": "undecodable"}]


def test_a_row_of_which_the_scan_fails_is_quarantined_and_nothing_is_quoted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(view: str, *wanted: Any) -> Any:
        if "tracer" in view:
            raise ValueError(view)
        return answered(view)

    def all_failing(texts: list[str], *wanted: Any) -> Any:
        return {place: failing(text) for place, text in enumerate(texts)}

    monkeypatch.setattr(detection, "answered", failing)
    monkeypatch.setattr(detection, "answered_by_each", all_failing)
    with caplog.at_level(logging.DEBUG):
        result = mask_table(
            chat_table([("a", "c", [("user", "tracer@x.org")]), ("b", "c", [("user", "b@x.org")])]), SECTION
        )
    assert contents(result.table) == {"b": ["<EMAIL_ADDRESS_1>"]}
    assert result.quarantined.to_pylist() == [{"record_id": "a", "reason": "failed-ValueError"}]
    assert "tracer" not in caplog.text + json.dumps(result.report.to_json())


def test_json_nested_past_what_can_be_parsed_is_quarantined() -> None:
    deep = "[" * 50_000 + f'"{CARD}"' + "]" * 40_000
    result = mask_table(chat_table([("a", "c", [("tool", deep)]), ("b", "c", [("user", "hi")])]), SECTION)
    assert contents(result.table) == {"b": ["hi"]}
    assert result.report.quarantined == (("failed-RecursionError", 1),)


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(PrivacyError) as problem:
        mask_table(pa.table({"record_id": ["a"], "text": ["anna@x.org"]}), SECTION)
    assert problem.value.code == "PRIVACY-001"
    assert "anna" not in str(problem.value)


# -- the report -------------------------------------------------------------------------------------------------------

TRACERS = ["tracer.person@example.org", CARD, IBAN, GITHUB_TOKEN, AWS_KEY, "Tracia Marker", "+49 171 7654321"]


def test_no_tracer_is_in_report_quarantine_logs_or_output(caplog: pytest.LogCaptureFixture) -> None:
    text = "my name is Tracia Marker. " + ", ".join(TRACERS)
    rows = [
        (f"{index:016x}", f"c{index % 3}", [(role, text), ("assistant", f"Hello Tracia, {text}")])
        for index, role in enumerate(["user", "tool", "system", "assistant"])
    ]
    rows.append(("f" * 16, "c0", [("user", text * 2000)]))
    with caplog.at_level(logging.DEBUG):
        result = mask_table(chat_table(rows), PrivacySection(allow=("public@example.org",)))
    everything = "\n".join(
        [
            canonical_json(result.report.to_json()).decode(),
            repr(result.report),
            json.dumps(result.quarantined.to_pylist()),
            json.dumps(result.table.to_pylist(), ensure_ascii=False),
            caplog.text,
            repr([record.__dict__ for record in caplog.records]),
        ]
    )
    assert result.report.rows_quarantined == 1
    for tracer in [*TRACERS, "Tracia", "Marker", "7654321", "public@example.org"]:
        assert tracer not in everything


def test_the_report_adds_up() -> None:
    table = chat_table(
        [
            ("a", "c", [("user", f"card {CARD} not 4111 1111 1111 1112"), ("tool", f"{CARD} again")]),
            ("b", "c", [("user", "hello")]),
        ]
    )
    report = mask_table(table, SECTION).report
    shown = report.to_json()
    assert report.by_type() == {"CREDIT_CARD": 3}
    assert shown["rows"] == {"in": 2, "out": 2, "changed": 1, "quarantined": 0}
    assert shown["counts"] == [
        {"type": "CREDIT_CARD", "detector": "card-cue", "role": "user", "count": 1},
        {"type": "CREDIT_CARD", "detector": "card-number", "role": "tool", "count": 1},
        {"type": "CREDIT_CARD", "detector": "card-number", "role": "user", "count": 1},
    ]
    assert shown["entities"] == {"CREDIT_CARD": 2}
    assert shown["validators"]["luhn-issuer"] == {"accepted": 2, "rejected": 1}
    assert report.within_tolerance


def test_the_digest_tells_configurations_apart() -> None:
    table = chat_table([("a", "c", [("user", "hello")])])
    digests = {
        mask_table(table, section).report.config_digest
        for section in (SECTION, PrivacySection(profile="pci"), PrivacySection(allow=("a@x.org",)))
    }
    assert len(digests) == 3


def test_what_the_rescan_finds_is_counted_and_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    # A replacement that gives the value back: only the re-scan can notice.
    monkeypatch.setattr(masking, "replace", lambda text, findings, placeholder: text)
    table = chat_table([("a", "c", [("user", "b@x.org")])])
    report = mask_table(table, SECTION).report
    assert report.residual == (("EMAIL_ADDRESS", 1),)
    assert not report.within_tolerance
    assert mask_table(table, PrivacySection(residual_tolerance=1)).report.within_tolerance


def test_placeholders_are_never_detected() -> None:
    kinds = sorted(ENTITY_TYPES)
    assert [detect(f"my name is <{kind}_1>, password=<{kind}_22> call <{kind}_333>.") for kind in kinds] == [[]] * len(
        kinds
    )
