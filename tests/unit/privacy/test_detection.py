from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.privacy.config import ENTITY_TYPES, GENERIC, PROFILES
from mlops.privacy.detection import detect, find, find_each
from mlops.privacy.patterns import STRUCTURED, Alternation, Candidate
from mlops.privacy.spans import Finding, resolve
from mlops.privacy.vendor_keys import VENDOR
from tests.unit.privacy.chat_rows import AWS_KEY, FRAGMENTS, GITHUB_TOKEN, JWT, texts


def found(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in detect(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("write to anna.smith+x@mail.example.org.", "EMAIL_ADDRESS", "anna.smith+x@mail.example.org"),
        ("josé.müller@exämple.de", "EMAIL_ADDRESS", "josé.müller@exämple.de"),
        ("anna at example dot com", "EMAIL_ADDRESS", "anna at example dot com"),
        ("anna [at] example [dot] com", "EMAIL_ADDRESS", "anna [at] example [dot] com"),
        ("pay with 4111 1111 1111 1111 today", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("amex 3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
        ("4111-1111-1111-1111 12/27", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("my card number is 1234 5678 9012 3456", "CREDIT_CARD", "1234 5678 9012 3456"),
        ("de89 3704 0044 0532 0130 00 is mine", "IBAN_CODE", "de89 3704 0044 0532 0130 00"),
        ("SSN 123 45 6789", "US_SSN", "123 45 6789"),
        ("it is 123-45-6789.", "US_SSN", "123-45-6789"),
        ("+44 20 7946 0958", "PHONE_NUMBER", "+44 20 7946 0958"),
        ("(415) 555-0132", "PHONE_NUMBER", "(415) 555-0132"),
        ("call me: 555 0132", "PHONE_NUMBER", "555 0132"),
        ("tel. 030/1234567", "PHONE_NUMBER", "030/1234567"),
        ("01.84.17.61.18", "PHONE_NUMBER", "01.84.17.61.18"),
        ("from 192.168.7.9:", "IP_ADDRESS", "192.168.7.9"),
        ("2001:0db8:85a3::8a2e:370:7334", "IP_ADDRESS", "2001:0db8:85a3::8a2e:370:7334"),
        ("https://me:pw@example.org/a", "URL", "https://me:pw@example.org/a"),
        ("https://example.org/a?b=1&token=abcdef12", "URL", "https://example.org/a?b=1&token=abcdef12"),
        ("see https://linkedin.com/in/anna-smith-12", "URL", "https://linkedin.com/in/anna-smith-12"),
        ("My name is Łukasz Żółć-Nowak.", "PERSON", "Łukasz Żółć-Nowak"),
        ("my name is anna", "PERSON", "anna"),
        ("MY NAME IS ANNA SMITH AND I WAIT", "PERSON", "ANNA SMITH"),
        ("I'm Anna Smith, hello", "PERSON", "Anna Smith"),
        ("this is Anna van der Berg", "PERSON", "Anna van der Berg"),
        ("Kind regards,\nJosé García", "PERSON", "José García"),
        ("Please ask Mrs. Lindqvist", "PERSON", "Lindqvist"),
        ("I'm Angry and my name is Bob", "PERSON", "Bob"),
        ('{"customer_name": "Zoë"}', "PERSON", "Zoë"),
        ("at 12 Baker Street, London NW1 6XE", "LOCATION", "12 Baker Street, London NW1 6XE"),
        ("Musterstraße 12, 10115 Berlin", "LOCATION", "Musterstraße 12, 10115 Berlin"),
        ("I live at 275 hawthorne avenue", "LOCATION", "275 hawthorne avenue"),
        ("order #A-1234567 is late", "ACCOUNT_NUMBER", "A-1234567"),
        ('{"account_number": "00123456"}', "ACCOUNT_NUMBER", "00123456"),
        ("born on 12 May 1980", "DATE_TIME", "12 May 1980"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        (f"use {AWS_KEY}", "SECRET", AWS_KEY),
        (f"token {GITHUB_TOKEN}", "SECRET", GITHUB_TOKEN),
        (f"jwt {JWT}", "SECRET", JWT),
        ("postgres://app:p4ss@db.example.org/x", "SECRET", "postgres://app:p4ss@db.example.org/x"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- ok",
            "SECRET",
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----",
        ),
        ("password: hunter2", "SECRET", "hunter2"),
        ("db_password=s3cret!x", "SECRET", "s3cret!x"),
        ("the PIN is 4821", "SECRET", "4821"),
        ("I used the password Clover!haven64.", "SECRET", "Clover!haven64"),
        ("the app shows the key tok-test-abc4efgh", "SECRET", "tok-test-abc4efgh"),
        ("912-70-1234", "US_ITIN", "912-70-1234"),
        ("my social is 987-00-4320", "US_SSN", "987-00-4320"),
        ("Ich heiße Petra Lang.", "PERSON", "Petra Lang"),
        ("je m'appelle Zoé Martin", "PERSON", "Zoé Martin"),
        ("Me llamo Inés Gil", "PERSON", "Inés Gil"),
        ("Hey, Thora Lang here. I paid", "PERSON", "Thora Lang"),
        ("Thanks a lot.\nIlka Lang", "PERSON", "Ilka Lang"),
        ("booked under Lene Lang.", "PERSON", "Lene Lang"),
        ("geboren am 12.05.1980", "DATE_TIME", "12.05.1980"),
        ("+49171123456789", "PHONE_NUMBER", "+49171123456789"),
        ("0344594351 is my mobile", "PHONE_NUMBER", "0344594351"),
        ("llámame al 618981345", "PHONE_NUMBER", "618981345"),
        ("Rufnummer 01396937164", "PHONE_NUMBER", "01396937164"),
        ("zadzwoń: 504 957 656", "PHONE_NUMBER", "504 957 656"),
        ("(029)2018374 it is", "PHONE_NUMBER", "(029)2018374"),
        ("4111 1111 1111 1111\nthanks", "CREDIT_CARD", "4111 1111 1111 1111"),
    ],
)
def test_known_values_are_found_whole(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "180-135 = 45",
        "100 - 50 - 30 - 15",
        "2000/1000 phones = <<2000/1000=2>>2",
        "1,234,567",
        "please refund 49.90 EUR",
        "the order total is 1299.00",
        "it costs $4,500.00",
        "total 4155550132 EUR",
        "on 2024-05-12 at 10:30:45",
        "paid on 12/05/2024",
        "the XR500-2000-15 router",
        "SKU 12345678",
        "product code 8712345678906",
        "firmware version 10.0.19.45",
        "std::vector a::b",
        "error 0x80070005",
        "I ordered 2 routers on 3 May",
        "transaction at all",
        "my password is wrong",
        "the token is expired",
        "token: refund",
        "I'm Sorry",
        "Hi There,",
        "Dear Customer,",
        "Thanks,\nSupport Team",
        "My name is on the list",
        "Mr. Jones has 5 apples",
        '{"name":"lookup_order","arguments":{"order_total":49.9}}',
        '{"intent":"refund","product":"router","urgency":"high","amount":"49.90 EUR","action":"refund_payment"}',
        "We will refund 49.90 EUR for your router.",
        "4111111111111112 units",
        "see https://example.org/help",
        "AWFUL WEATHER HERE",
        "the hotel name is Central",
        "thank you. Bye",
        "ATM here",
        "<PERSON_1> <CREDIT_CARD_12>",
        "my name is <PERSON_1>, password: <SECRET_1>",
    ],
)
def test_plain_text_is_left_alone(text: str) -> None:
    assert detect(text, left_out=GENERIC) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("an\u200bna@exa\u200bmple.org", "EMAIL_ADDRESS", id="zero width"),
        pytest.param("anna＠example．org", "EMAIL_ADDRESS", id="full width mail"),
        pytest.param("anna%40example.org", "EMAIL_ADDRESS", id="percent"),
        pytest.param("anna&#64;example.org", "EMAIL_ADDRESS", id="entity"),
        pytest.param("anna\\u0040example.org", "EMAIL_ADDRESS", id="JSON escape"),
        pytest.param("４１１１１１１１１１１１１１１１", "CREDIT_CARD", id="full width card"),
        pytest.param("٤١١١١١١١١١١١١١١١", "CREDIT_CARD", id="Arabic-Indic card"),
        pytest.param("4111\u00a01111\u00a01111\u00a01111", "CREDIT_CARD", id="NBSP groups"),
        pytest.param("4111\u20131111\u20131111\u20131111", "CREDIT_CARD", id="en dash groups"),
        pytest.param("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "CREDIT_CARD", id="spaced digits"),
        pytest.param("+49\u2009171\u20091234567", "PHONE_NUMBER", id="thin space phone"),
        pytest.param("D\u200dE89370400440532013000", "IBAN_CODE", id="joiner in IBAN"),
    ],
)
def test_obfuscated_values_are_found_whole(text: str, kind: str) -> None:
    assert [(span.type, span.start, span.end) for span in detect(text)] == [(kind, 0, len(text))]


def test_a_version_is_no_address_and_a_booking_code_no_phone() -> None:
    assert found("version 10.0.19.45 on 10.0.19.45") == [("IP_ADDRESS", "10.0.19.45")]
    assert found("my order number is 41555501") == [("ACCOUNT_NUMBER", "41555501")]


def test_several_numbers_in_one_run_of_digits() -> None:
    card = "4111 1111 1111 1111"
    assert found(" ".join([card] * 5)) == [("CREDIT_CARD", card)] * 5
    assert found(f"{card} 12/27 415-555-0132") == [("CREDIT_CARD", card), ("PHONE_NUMBER", "415-555-0132")]
    assert found("123-45-6789 (415) 555-0132") == [("US_SSN", "123-45-6789"), ("PHONE_NUMBER", "(415) 555-0132")]


def test_a_context_far_into_a_long_text_counts_as_near_its_start() -> None:
    filler = "nothing to see. Anything else? " * 100
    text = f"{filler}my name is Anna Smith. {filler}Kind regards, Bob Lang"
    assert found(text) == [("PERSON", "Anna Smith"), ("PERSON", "Bob Lang")]


def test_validated_beats_longest_beats_score() -> None:
    checked = Finding(4, 8, "CREDIT_CARD", 0.5, "a", validated=True)
    longer = Finding(0, 10, "SECRET", 0.9, "b")
    longest = Finding(20, 30, "URL", 0.1, "c")
    scored = Finding(20, 25, "PERSON", 1.0, "d")
    tied = [Finding(40, 45, "PERSON", 0.5, "e"), Finding(40, 45, "LOCATION", 0.6, "f")]
    assert resolve([longer, checked, scored, longest, *tied]) == [checked, longest, tied[1]]


def test_the_profile_decides_what_is_looked_for() -> None:
    text = f"my name is Anna, card 4111111111111111, {AWS_KEY}"
    expected = {
        "gdpr": ["PERSON", "CREDIT_CARD", "SECRET"],
        "pci": ["CREDIT_CARD", "SECRET"],
        "secrets_only": ["SECRET"],
    }
    kinds = {
        profile: [one.type for one in find(text, types)] for profile, types in PROFILES.items() if profile in expected
    }
    assert kinds == expected


def test_allowed_values_stay() -> None:
    assert find("ask Help@Example.org", allow=frozenset({"help@example.org"})) == []


def test_a_finding_shows_no_value() -> None:
    assert "anna" not in repr(find("anna@example.org")) + repr(detect("anna@example.org"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1 ",
        "a@",
        "a.",
        "(",
        "Mr. Ab ",
        "https://",
        "A ",
        "I'm Bo, ",
        "é",
        "\\n",
        "1-",
        "1.",
        "1 2 ",
        "1\n",
        "a b ",
        "аb ",
        "%41",
        "@a\n",
        "4111 ",
        "password: ",
        "2024-",
        "May 1 ",
        "&#64;",
        "AB12345678901234-",
        "[at]",
        "sk-",
        "+1",
        "1l",
        "I 1 ",
    ],
)
def test_long_input_is_linear(unit: str) -> None:
    # Each takes about a second or less; with one quadratic step it would take minutes.
    text = unit * (100_000 // len(unit))
    assert all(0 <= span.start < span.end <= len(text) for span in detect(text))


@pytest.mark.timeout(100)
@pytest.mark.parametrize("unit", ["a", "a@", "1.", "x at "])
def test_a_line_of_ten_million_characters_ends(unit: str) -> None:
    line = unit * (10_000_000 // len(unit))
    (found,) = find_each([line], left_out=GENERIC)
    assert all(0 <= one.start < one.end <= len(line) for one in found)


@pytest.mark.parametrize("unit", ["AB12345678901234-", "1.1.1.1 ", "anna@example.org ", "x" * 70 + " "])
def test_a_long_text_is_looked_at_a_bounded_number_of_times(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many characters the engine is given grows with the length of the text, not with its square."""
    given_characters = 0
    matches = Alternation._matches

    def counted(self: Alternation, text: str, position: int, reach: int) -> Iterator[Candidate]:
        nonlocal given_characters
        given_characters += min(reach, len(text) - position)
        return matches(self, text, position, reach)

    monkeypatch.setattr(Alternation, "_matches", counted)
    costs = []
    for size in (200_000, 800_000):
        given_characters = 0
        list(STRUCTURED.candidates(unit * (size // len(unit))))
        costs.append(given_characters)
    assert costs[1] <= 4.5 * costs[0]


def test_a_long_text_has_the_same_matches_by_windows_as_at_once() -> None:
    text = " ".join(random.Random(7).choices(FRAGMENTS, k=12_000))
    key = "-----BEGIN RSA PRIVATE KEY-----" + "\nMIIabc" * 9_000 + "\n-----END RSA PRIVATE KEY-----"
    for whole in (text, text + key + text):
        for alternation in (STRUCTURED, VENDOR):
            assert list(alternation.candidates(whole)) == list(alternation._matches(whole, 0, len(whole)))


@settings(max_examples=200, deadline=None)
@given(texts())
def test_spans_are_valid_sorted_and_apart(text: str) -> None:
    position = 0
    for span in detect(text):
        assert position <= span.start < span.end <= len(text)
        assert span.type in ENTITY_TYPES
        assert 0 < span.score <= 1
        position = span.end


@pytest.mark.parametrize(
    ("kind", "value"),
    [("EMAIL_ADDRESS", "anna@example.org"), ("CREDIT_CARD", "4111 1111 1111 1111"), ("PERSON", "Zoë Kovač")],
)
def test_a_value_inside_a_tools_json_is_found_without_its_escapes(kind: str, value: str) -> None:
    """After an escaped line break, doubly escaped or not, the value starts after the escape."""
    text = json.dumps({"note": f"My name is:\n{value}\n" if kind != "PERSON" else f"\nmy name is {value}\n"})
    for wrapped in (text, json.dumps({"arguments": text})):
        (span,) = detect(wrapped)
        assert span.type == kind
        assert wrapped[span.start : span.end].endswith(json.dumps(value)[1:-1][-4:])
        assert not wrapped[span.start : span.end].startswith("n")


@settings(max_examples=300, deadline=None)
@given(st.lists(texts(3), max_size=6))
def test_many_texts_at_once_are_found_what_each_is_found_alone(parts: list[str]) -> None:
    for left_out in (frozenset[str](), GENERIC):
        together, alone = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
        each = find_each(parts, tally=together, left_out=left_out)
        assert each == [find(part, tally=alone, left_out=left_out) for part in parts]
        assert together == alone


def test_a_match_across_the_border_of_two_texts_hides_none_in_the_second() -> None:
    parts = ["please call me at", "415 555 0132", "my name is Anna and my password is", "hunter2! 4111 1111 1111 1111"]
    assert find_each(parts) == [find(part) for part in parts]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Pay to AT940000057329816579. My wifi router was fine.", "IBAN_CODE"),
        ("it is at 4111 1111 1111 1111. In the app it fails", "CREDIT_CARD"),
        ("I am at 10.1.2.3. It is down", "IP_ADDRESS"),
        ("we sit at anna@example.org. My office", "EMAIL_ADDRESS"),
    ],
)
def test_a_sentence_that_reads_like_an_address_in_words_hides_nothing(text: str, kind: str) -> None:
    assert [span.type for span in detect(text)] == [kind]
