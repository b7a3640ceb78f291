from __future__ import annotations

import pytest

from mlops.privacy.config import GENERIC, LEFT_OUT, PrivacySection
from mlops.privacy.detection import detect, find
from mlops.privacy.masking import mask_table
from tests.unit.privacy.chat_rows import chat_table, contents


def found(text: str) -> list[tuple[str, str]]:
    return [(span.detector, text[span.start : span.end]) for span in detect(text)]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("on 2024-05-12 we met", "2024-05-12"),
        ("at 2024-05-12T10:30:45Z exactly", "2024-05-12T10:30:45Z"),
        ("paid on 12/31/2024", "12/31/2024"),
        ("paid on 31.12.24.", "31.12.24"),
        ("since 3 May 2019 or so", "3 May 2019"),
        ("the 3rd of March, then", "3rd of March"),
        ("March 9th at noon", "March 9th"),
        ("in september 2021", "september 2021"),
        ("see you on Thursday", "Thursday"),
        ("back in 2014, it was", "2014"),
        ("at 6:30 pm", "6:30 pm"),
        ("el 12 de octubre de 1992", "12 de octubre de 1992"),
        ("am 3. März 2020", "3. März 2020"),
        ("le 14 juillet 1989", "14 juillet 1989"),
        ("dnia 11 listopada 2018", "11 listopada 2018"),
        ("op 5 mei 1945", "5 mei 1945"),
    ],
)
def test_a_date_is_found_whole(text: str, date: str) -> None:
    assert found(text) == [("date", date)]


@pytest.mark.parametrize(
    "text", ["I may 5 times", "2014 apples", "in 2000 miles", "31/31/2024", "100/50/25", "march on"]
)
def test_what_is_no_date(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://example.org/help?x=1.", "https://example.org/help?x=1"),
        ("www.example.org, please", "www.example.org"),
        ("go to example.co.uk/faq", "example.co.uk/faq"),
    ],
)
def test_a_plain_address_is_found_whole(text: str, url: str) -> None:
    assert found(text) == [("url", url)]


def test_what_is_generic_hides_nothing_else() -> None:
    text = "https://example.org/?to=anna@example.org and 415-555-0132 on 2024-05-12"
    kinds = [one.type for one in find(text)]
    assert kinds.count("EMAIL_ADDRESS") == 1
    assert [one for one in find(text, left_out=GENERIC)] == [one for one in find(text) if one.detector not in GENERIC]


def test_a_profile_that_leaves_dates_out_still_masks_dates_of_birth_and_addresses_with_credentials() -> None:
    assert LEFT_OUT["gdpr"] == GENERIC
    text = "On 2024-05-12 see https://example.org/a. Born on 12 May 1980, https://u:pw@example.org/x"
    table = chat_table([("a", "c", [("user", text)])])
    assert contents(mask_table(table, PrivacySection()).table)["a"] == [
        "On 2024-05-12 see https://example.org/a. Born on <DATE_TIME_1>, <URL_1>"
    ]
