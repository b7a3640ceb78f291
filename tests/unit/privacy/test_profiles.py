"""Profiles as a whole: what stands in the place of values, in which scope, and that it depends on nothing else."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.privacy.config import OPERATIONS, OwnProfile, PrivacySection
from mlops.privacy.errors import PrivacyError
from mlops.privacy.keys import Key, KeyRing, key_id
from mlops.privacy.masking import mask_table
from mlops.privacy.profile_file import load_profile
from mlops.privacy.vault import Opened, reveal
from tests.unit.privacy.chat_rows import AWS_KEY, CARD, FRAGMENTS, chat_table, contents, texts

GOLDEN = Path(__file__).parent / "golden"
SHIPPED = sorted(OPERATIONS)


def ring(first: int = 0) -> KeyRing:
    material = bytes((first + place) % 256 for place in range(32))
    return KeyRing((Key(key_id(material), material),))


RING = ring()


def section(profile: str = "own", keys: KeyRing = RING, **own: Any) -> PrivacySection:
    fields = {"profile": profile, "key_id": keys.newest.id, "own": own or None}
    return PrivacySection.model_validate(fields)


def masked(*messages: str, keys: KeyRing = RING, **own: Any) -> list[str]:
    table = chat_table([("a" * 16, "c", [("user", text) for text in messages])])
    return contents(mask_table(table, section(keys=keys, **own), keys).table)["a" * 16]


# Written for this project.
TABLE = [
    (
        "01",
        "c1",
        [
            ("user", "My name is Anna Smith, born on 12 May 1980. Call me at +1 415 555 0132."),
            ("assistant", "Thank you ANNA, I wrote to anna.smith@example.org."),
            ("tool", '{"owner":"Anna Smith","card":4111111111111111,"amount":49.90}'),
        ],
    ),
    (
        "02",
        "c1",
        [("user", "card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, 10.1.2.3, Anna's ssn is 123-45-6789")],
    ),
    ("03", "c2", [("user", f"my name is Anna Smith, password: hunter2! and {AWS_KEY}, https://u:pw@example.org/x")]),
    ("04", "c2", [("user", "date of birth: 03/04/1931, I live at 12 Baker Street, order #A-1234567")]),
    ("05", "c3", [("user", "Mein Name ist Jürgen Müller, Tel. +49 171 1234567"), ("assistant", "49.90 EUR, danke")]),
]


@pytest.mark.parametrize("profile", SHIPPED)
def test_the_table_becomes_the_golden_file(profile: str) -> None:
    found = contents(mask_table(chat_table(TABLE), section(profile), RING).table)
    lines = "".join(json.dumps({"row": row, "texts": found[row]}, ensure_ascii=False) + "\n" for row in sorted(found))
    assert lines == (GOLDEN / f"{profile}.jsonl").read_text(encoding="utf-8")


# -- properties -------------------------------------------------------------------------------------------------------

_MARK = re.compile(r'"?<[A-Z_0-9]+(?::h1:[0-9a-f]{16}|:v1:[0-9a-f]{16}:[A-Za-z0-9_=-]+)?>"?')


@settings(max_examples=100, deadline=None)
@given(st.lists(texts(), min_size=1, max_size=3))
def test_the_vault_gives_every_text_back_exactly(messages: list[str]) -> None:
    account = Opened()
    rows = [("a", "c", [("user", text) for text in messages])]
    result = mask_table(chat_table(rows), section("reversible"), RING)
    assert [reveal(text, RING, account) for text in contents(result.table)["a"]] == messages
    assert account.refused == 0
    assert account.opened.total() <= result.report.masked_total


@settings(max_examples=100, deadline=None)
@given(texts(), st.sampled_from(["redact", "token"]))
def test_text_outside_the_values_is_unchanged(text: str, operator: str) -> None:
    position = 0
    for part in _MARK.sub("\x00", masked(text, default=operator)[0]).split("\x00"):
        kept = part.strip('"')
        found = text.find(kept, position)
        assert found >= 0
        position = found + len(kept)


@settings(max_examples=80, deadline=None)
@given(texts(), st.sampled_from(["gdpr", "hipaa_safe_harbor", "pci", "secrets_only", "reversible", "redact", "token"]))
def test_what_is_masked_stays_as_it_is_when_it_is_masked_again(text: str, what: str) -> None:
    how = section(what) if what in OPERATIONS else section(default=what)
    first = mask_table(chat_table([("a", "c", [("user", text)])]), how, RING)
    second = mask_table(first.table, how, RING)
    assert contents(second.table) == contents(first.table)


_BODIES = st.lists(
    st.tuples(
        st.sampled_from(["c1", "c2", "c3"]),
        st.lists(
            st.tuples(st.just("user"), st.lists(st.sampled_from(FRAGMENTS), max_size=5).map(" ".join)), max_size=3
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(_BODIES, st.sampled_from(["ccpa", "reversible", "hipaa_safe_harbor"]), st.randoms(use_true_random=False))
def test_order_and_shards_do_not_matter(bodies: list[Any], profile: str, chance: random.Random) -> None:
    rows = [(f"{place:02x}", name, messages) for place, (name, messages) in enumerate(bodies)]
    whole = contents(mask_table(chat_table(rows), section(profile), RING).table)
    shuffled = chance.sample(rows, len(rows))
    assert contents(mask_table(chat_table(shuffled), section(profile), RING).table) == whole
    parts: dict[str, list[str]] = {}
    for name in ("c1", "c2", "c3"):
        shard = chat_table([row for row in rows if row[1] == name])
        parts |= contents(mask_table(shard, section(profile), RING).table)
    assert parts == whole


def test_the_place_of_a_row_without_conversation_does_not_matter() -> None:
    texts_of = [f"date of birth: 2001-03-0{day}, mail a{day}@x.org" for day in range(1, 6)]

    def found(ordered: list[str]) -> set[str]:
        rows = [(f"{place:016x}", None, [("user", text)]) for place, text in enumerate(ordered)]
        return {text for (text,) in contents(mask_table(chat_table(rows), section("ccpa"), RING).table).values()}

    assert found(texts_of) == found(texts_of[::-1])
    assert len(found(texts_of)) == 5


def _by_another_process(rows: list[Any]) -> dict[str, list[str]]:
    return contents(mask_table(chat_table(rows), section("ccpa"), RING).table)


def test_another_process_gives_the_same_surrogates() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_by_another_process, TABLE).result() == _by_another_process(TABLE)


_PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["Anna Smith", "José García", "Jürgen Müller", "Giulia Rossi", "Bob Stone"]),
        # From the very range that surrogates come from.
        st.integers(100, 199).map(lambda number: f"(415) 555-0{number}"),
        st.sampled_from([CARD, "4000000943954422", "5555555555554444"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(_PEOPLE)
def test_surrogates_are_those_of_the_key_and_never_a_value_of_the_input(people: list[tuple[str, str, str]]) -> None:
    rows = [
        (f"{place:02x}", f"c{place}", [("user", f"my name is {name}, call me at {phone}, card {card}")])
        for place, (name, phone, card) in enumerate(people)
    ]
    how = section(default="surrogate")
    found = contents(mask_table(chat_table(rows), how, RING).table)
    assert found == contents(mask_table(chat_table(rows), how, RING).table)
    assert found != contents(mask_table(chat_table(rows), section(keys=ring(7), default="surrogate"), ring(7)).table)
    everything = json.dumps(found, ensure_ascii=False)
    assert not any(value in everything for person in people for value in person)
    names = {name: found[f"{place:02x}"][0].split(",")[0] for place, (name, _, _) in enumerate(people)}
    assert all(found[f"{place:02x}"][0].startswith(names[name]) for place, (name, _, _) in enumerate(people))


# -- scopes -----------------------------------------------------------------------------------------------------------

_SCOPED = [
    ("01", "c1", [("user", "mail anna@x.org now"), ("user", "mail anna@x.org now")]),
    ("02", "c1", [("user", "mail anna@x.org now")]),
    ("03", "c2", [("user", "mail anna@x.org now")]),
]


@pytest.mark.parametrize("operator", ["token", "surrogate"])
@pytest.mark.parametrize(("scope", "distinct"), [("row", 3), ("conversation", 2), ("dataset", 1), ("global", 1)])
def test_a_value_is_the_same_within_its_scope(operator: str, scope: str, distinct: int) -> None:
    how = section(types={"EMAIL_ADDRESS": {"operator": operator, "scope": scope}})
    found = contents(mask_table(chat_table(_SCOPED), how, RING).table)
    assert found["01"][0] == found["01"][1]
    assert len({text for row in found.values() for text in row}) == distinct


@pytest.mark.parametrize(("scope", "same"), [("dataset", False), ("global", True)])
def test_datasets_of_two_names_share_values_only_in_the_global_scope(scope: str, same: bool) -> None:
    own = OwnProfile.model_validate({"default": {"operator": "token", "scope": scope}})
    found = [
        contents(
            mask_table(
                chat_table(_SCOPED), PrivacySection(profile="own", own=own, key_id=RING.newest.id, dataset=name), RING
            ).table
        )
        for name in ("one", "two")
    ]
    assert (found[0] == found[1]) is same


def test_a_person_keeps_one_surrogate_however_the_name_is_written() -> None:
    how = {"types": {"PERSON": "surrogate"}}
    whole, part, large, again = masked(
        "my name is Anna Smith", "thanks Anna", "ANNA SMITH it is", "my name is Anna Smith", **how
    )
    first, last = whole.removeprefix("my name is ").split()
    assert {first, last}.isdisjoint({"Anna", "Smith"})
    assert (part, large, again) == (f"thanks {first}", f"{first} {last} it is".upper()[:-5] + "it is", whole)


def test_dates_of_a_conversation_move_together() -> None:
    before, after = masked("date of birth: 2001-03-04", "date of birth: 2001-03-14", types={"DATE_TIME": "date_shift"})
    days = [date.fromisoformat(text[-10:]) for text in (before, after)]
    assert days[0] != date(2001, 3, 4)
    assert days[1] - days[0] == timedelta(10)


def test_a_row_that_holds_what_drops_it_is_quarantined() -> None:
    rows = [("a", "c", [("user", f"card {CARD}")]), ("b", "c", [("user", "anna@x.org")])]
    result = mask_table(chat_table(rows), section(types={"CREDIT_CARD": "drop_row"}), RING)
    assert contents(result.table) == {"b": ["<EMAIL_ADDRESS_1>"]}
    assert result.quarantined.to_pylist() == [{"record_id": "a", "reason": "dropped-by-profile"}]


def test_a_type_that_is_kept_stays_and_its_neighbours_do_not() -> None:
    assert masked(f"anna@x.org {CARD}", types={"EMAIL_ADDRESS": "keep"}) == ["anna@x.org <CREDIT_CARD_1>"]


@pytest.mark.parametrize("operator", ["redact", "mask", "token", "surrogate", "vault"])
def test_json_stays_json(operator: str) -> None:
    text = json.dumps({"card": int(CARD), "mail": "anna@x.org", "name": "my name is José García", "n": 1.5})
    result = json.loads(masked(text, default=operator)[0])
    assert result["n"] == 1.5
    assert CARD not in json.dumps(result)


# -- keys and report --------------------------------------------------------------------------------------------------


def test_the_report_names_key_and_operators_and_never_the_key() -> None:
    report = mask_table(chat_table(TABLE), section("ccpa"), RING).report
    shown = json.dumps(report.to_json()) + repr(report)
    assert report.to_json()["key_id"] == RING.newest.id
    assert report.to_json()["operators"]["PERSON"] == "surrogate"
    assert RING.newest.material.hex() not in shown
    assert "Smith" not in shown


def test_a_profile_without_keys_reports_none() -> None:
    report = mask_table(chat_table(TABLE), PrivacySection()).report
    assert (report.key_id, report.operators) == (None, (("default", "placeholder"),))


def test_a_keyed_profile_wants_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    table = chat_table(TABLE)
    monkeypatch.delenv("MLOPS_PRIVACY_KEY", raising=False)
    with pytest.raises(ValueError, match="key_id"):
        PrivacySection(profile="reversible")
    with pytest.raises(PrivacyError, match="PRIVACY-030"):
        mask_table(table, section("reversible"))
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", ring(3).newest.material.hex())
    with pytest.raises(PrivacyError, match="PRIVACY-035"):
        mask_table(table, section("reversible"))
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", RING.newest.material.hex())
    assert mask_table(table, section("reversible")).report.key_id == RING.newest.id


# -- a profile of one's own -------------------------------------------------------------------------------------------


def test_a_profile_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("default: redact\ntypes:\n  CREDIT_CARD: {operator: mask, last: 4}\n  URL: keep\n")
    own = load_profile(file)
    how = PrivacySection(profile="own", own=own)
    table = chat_table([("a", "c", [("user", f"anna@x.org {CARD}")])])
    assert contents(mask_table(table, how).table) == {"a": ["<EMAIL_ADDRESS> ************1111"]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("default: redact\ntypos: {}\n", 2),
        ("types:\n  PERSON: redact\n  PERSONS: redact\n", 3),
        ("types:\n  PERSON: erase\n", 2),
        ("types:\n  PERSON: {operator: redact, last: 2}\n", 2),
        ("types:\n  PERSON: {operator: mask,\n    lst: 2}\n", 3),
        ("types:\n  PERSON: redact\n  PERSON: keep\n", 3),
    ],
    ids=["unknown-key", "unknown-type", "unknown-operator", "option-of-another", "unknown-option", "twice"],
)
def test_a_wrong_profile_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(text)
    with pytest.raises(PrivacyError) as problem:
        load_profile(file)
    assert (problem.value.code, problem.value.where) == ("PRIVACY-036", f"{file}:{line}")


def test_own_needs_its_operations() -> None:
    with pytest.raises(ValueError, match="own"):
        PrivacySection(profile="own")
    with pytest.raises(ValueError, match="own"):
        PrivacySection(profile="gdpr", own=OwnProfile())
