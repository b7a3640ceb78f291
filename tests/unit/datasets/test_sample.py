"""The sample: reproducible, varied, decidable, with the defects and the personal data it promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.datasets.errors import DatasetError
from mlops.datasets.sample import defects, generate, identities, money, noise
from mlops.datasets.sample.export import SOURCES, SampleRow, generate_labelled
from mlops.datasets.sample.scenario import BOOKS, reply_line
from mlops.datasets.sample.ticket import ACTIONS, CASES, CURRENCIES, INTENTS, NO_AMOUNT, PRODUCTS, URGENCIES, Ticket

ROWS = 3000
SEEDS = st.integers(0, 2**32).map(Random)


@pytest.fixture(scope="module")
def sample() -> list[SampleRow]:
    return list(generate_labelled(ROWS, 7))


@pytest.fixture(scope="module")
def clean(sample: list[SampleRow]) -> list[SampleRow]:
    return [labelled for labelled in sample if labelled.defect == "clean"]


def user_text(labelled: SampleRow) -> str:
    return "\n".join(m["content"] for m in labelled.row["messages"] if m["role"] == "user")


def test_same_seed_same_rows_under_any_hash_seed_and_length() -> None:
    program = "import json; from mlops.datasets.sample import generate; print(json.dumps(list(generate(60, 5))))"
    root = Path(__file__).parents[3]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1
    rows = json.loads(outputs.pop())
    assert rows == list(generate(90, 5))[:60]
    assert rows != list(generate(60, 6))


def test_a_negative_number_of_rows_is_refused_at_once() -> None:
    with pytest.raises(DatasetError, match="DATASET-008"):
        generate(-1, 0)
    assert list(generate(0, 0)) == []


def test_clean_rows_have_the_form_of_the_export(clean: list[SampleRow]) -> None:
    for labelled in clean:
        row = labelled.row
        assert list(row) == ["id", "conversation", "source", "language", "created_at", "messages"]
        assert row["source"] in SOURCES
        assert datetime.fromisoformat(row["created_at"]).tzinfo is not None
        roles = [message["role"] for message in row["messages"]]
        assert roles in (["user", "assistant"], ["user", "assistant"] * 2, ["user", "assistant"] * 3)
        assert all(message["content"].strip() for message in row["messages"])


def test_every_target_is_a_legal_ticket_and_its_reply(clean: list[SampleRow]) -> None:
    for labelled in clean:
        line, reply = labelled.row["messages"][-1]["content"].split("\n")
        fields = json.loads(line)
        ticket = Ticket(**fields)
        assert list(fields) == ["intent", "product", "urgency", "amount", "action"]
        assert ticket == labelled.scenario.ticket
        assert ticket.line() == line
        assert (ticket.intent, ticket.action) in CASES
        assert ticket.product in PRODUCTS
        assert ticket.urgency in URGENCIES
        assert ticket.amount == NO_AMOUNT or re.fullmatch(rf"\d+\.\d\d ({'|'.join(CURRENCIES)})", ticket.amount)
        assert reply == reply_line(ticket, labelled.scenario.book)


def test_the_customer_says_what_the_ticket_asks(clean: list[SampleRow]) -> None:
    decided = 0
    for labelled in clean:
        text = user_text(labelled).casefold()
        facts = labelled.scenario
        # The digits are never hurt by a typing error, the word of the currency may be.
        assert facts.ticket.amount == NO_AMOUNT or re.findall(r"[\d.,]*\d", facts.amount)[0] in text
        decided += facts.product.word.casefold() in text
    # The rest is hurt by a typing error.
    assert decided / len(clean) > 0.9


def test_all_values_occur_and_none_rules(clean: list[SampleRow]) -> None:
    tickets = [labelled.scenario.ticket for labelled in clean]
    for name, values, most in (
        ("intent", INTENTS, 0.2),
        ("action", ACTIONS, 0.3),
        ("product", PRODUCTS, 0.1),
        ("urgency", URGENCIES, 0.6),
    ):
        counts = Counter(getattr(ticket, name) for ticket in tickets)
        assert set(counts) == set(values)
        assert max(counts.values()) / len(tickets) < most
    with_amount = [ticket for ticket in tickets if ticket.amount != NO_AMOUNT]
    assert 0.1 < len(with_amount) / len(tickets) < 0.4
    assert {ticket.amount[-3:] for ticket in with_amount} == set(CURRENCIES)


def test_sums_mislead_and_other_products_are_named(clean: list[SampleRow]) -> None:
    misleading = sum(
        labelled.scenario.other.casefold() in user_text(labelled).casefold()
        and labelled.scenario.ticket.amount == NO_AMOUNT
        for labelled in clean
    )
    other = sum(labelled.scenario.other_product.word.casefold() in user_text(labelled).casefold() for labelled in clean)
    settled = sum(labelled.scenario.past_matter for labelled in clean)
    assert 0.15 < settled / len(clean) < 0.3
    assert misleading / len(clean) > 0.05
    assert other / len(clean) > 0.1


def test_prompts_are_many_and_no_template_dominates(clean: list[SampleRow]) -> None:
    prompts = {json.dumps(labelled.row["messages"][:-1]) for labelled in clean}
    assert len(prompts) >= 2000
    first_sentences = Counter(
        re.split(r"[.?!\n]", labelled.row["messages"][0]["content"].casefold())[0].strip() for labelled in clean
    )
    assert first_sentences.most_common(1)[0][1] / len(clean) < 0.03
    shapes = Counter(re.sub(r"\d+", "0", user_text(labelled).casefold()) for labelled in clean)
    assert shapes.most_common(1)[0][1] / len(clean) < 0.005


def test_talks_are_short(clean: list[SampleRow]) -> None:
    words = sorted(len(re.findall(r"\w+|[^\w\s]", json.dumps(labelled.row["messages"][:-1]))) for labelled in clean)
    assert words[len(words) // 2] < 110
    assert words[int(len(words) * 0.99)] < 200


@pytest.mark.parametrize(("defect", "share"), [*defects.SHARES.items(), ("clean", 0.915)])
def test_defects_have_their_shares(sample: list[SampleRow], defect: str, share: float) -> None:
    found = sum(labelled.defect == defect for labelled in sample)
    assert abs(found - ROWS * share) < 4 * (ROWS * share * (1 - share)) ** 0.5


def test_other_languages_have_their_share(clean: list[SampleRow]) -> None:
    languages = Counter(labelled.row["language"] for labelled in clean)
    assert set(languages) == set(BOOKS)
    assert 0.06 < 1 - languages["en"] / len(clean) < 0.10


def test_each_kind_of_broken_row_is_there(sample: list[SampleRow]) -> None:
    rows = [labelled.row for labelled in sample]
    ids = Counter(row.get("id") for row in rows)
    talks = [row["messages"] for row in rows if isinstance(row["messages"], list) and row["messages"]]
    roles = {message.get("role") for talk in talks for message in talk if isinstance(message, dict)}
    assert ids[None] > 0
    assert any(count > 1 for name, count in ids.items() if name)
    assert any(row["conversation"] is None for row in rows)
    assert any(row["created_at"] == defects.FUTURE for row in rows)
    assert any(len(json.dumps(talk)) > defects.LONG_CHARACTERS for talk in talks)
    assert roles - {"user", "assistant"}
    assert {str, list, dict, type(None)} == {type(row["messages"]) for row in rows}
    assert {str, int} == {type(row["created_at"]) for row in rows}


def test_some_conversations_come_back_with_the_same_customer(clean: list[SampleRow]) -> None:
    people: dict[str, set[str]] = {}
    for labelled in clean:
        people.setdefault(labelled.row["conversation"], set()).add(labelled.scenario.person)
    assert all(len(names) == 1 for names in people.values())
    assert 0.03 < 1 - len(people) / len(clean) < 0.15


def test_personal_data_of_every_kind_is_written_letter_for_letter(clean: list[SampleRow]) -> None:
    written = Counter(
        kind for labelled in clean for kind, value in labelled.scenario.personal if value in user_text(labelled)
    )
    assert set(written) == set(identities.KINDS)
    assert min(written.values()) > 50


@given(SEEDS)
def test_cards_pass_luhn(rng: Random) -> None:
    digits = [int(digit) for digit in re.sub(r"\D", "", identities.card(rng))]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    assert (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
    assert len(digits) in (15, 16)


@given(SEEDS)
def test_ibans_are_valid_and_of_banks_that_do_not_exist(rng: Random) -> None:
    from stdnum import iban

    number = identities.iban(rng)
    assert iban.is_valid(number)
    assert re.match(r"(DE\d\d0{8}|AT\d\d0{5}|(GB|NL)\d\dTEST)", number.replace(" ", ""))


@given(SEEDS)
def test_everything_else_comes_from_reserved_ranges(rng: Random) -> None:
    name = identities.person(rng)
    assert re.fullmatch(r"[\w.]+@(mail\.)?example\.(com|org|net)", identities.email(rng, name))
    assert re.match(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$|2001:db8::", identities.ip(rng))
    assert re.fullmatch(r"987-65-432\d", identities.ssn(rng))
    digits = re.sub(r"\D", "", identities.phone(rng))
    reserved = r"1?\d{3}55501\d\d|(44|0)2079460\d{3}|(44|0)7700900\d{3}|(49|0)3023125\d{3}|019900\d{4}|336 ?3998\d{4}"
    assert re.fullmatch(reserved, digits)


@given(SEEDS, st.sampled_from(sorted(BOOKS)))
def test_a_written_sum_holds_its_number_and_its_currency(rng: Random, language: str) -> None:
    value = money.draw_sum(rng, money.draw_currency(rng, language))
    text = money.written(value, rng.choice(BOOKS[language].money))
    number = re.search(r"\d+(?:[.,]\d\d)?", text)
    assert number is not None
    assert round(float(number[0].replace(",", ".")) * 100) == value.cents
    marks = {"EUR": "EUR|€|euros", "USD": r"USD|\$|dollars", "GBP": "GBP|£|pounds", "CHF": "CHF|francs"}
    assert re.search(marks[value.currency], text)
    assert re.fullmatch(r"\d+\.\d\d [A-Z]{3}", value.ticket())


@given(SEEDS, st.sampled_from(noise.STYLES))
def test_typing_errors_leave_numbers_and_short_words_alone(rng: Random, style: str) -> None:
    text = "my A-12345 cost 49.90 EUR, really terrible"
    hurt = noise.typos(text, rng, 1.0)
    assert sum(old != new for old, new in zip(text.split(" "), hurt.split(" "), strict=True)) <= 2
    assert re.findall(r"\d+", hurt) == re.findall(r"\d+", text)
    assert hurt.split(" ")[:5] == text.split(" ")[:5]
    assert noise.sentence(text, style, rng).casefold().startswith(text.casefold())


def test_junk_has_no_words(sample: list[SampleRow]) -> None:
    junk = [labelled.row["messages"] for labelled in sample if labelled.defect == "junk"]
    assert junk
    assert all(len(talk[0]["content"].split()) <= 1 and len(talk) == 2 for talk in junk)
