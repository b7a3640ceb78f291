from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.privacy.config import GENERIC
from mlops.privacy.detection import detect
from mlops.privacy.national_ids import checked, vin

# Numbers that satisfy their rules; most of them stand in the documentation of those rules.
VALUES = [
    ("US_ITIN", "912-90-3456", ""),
    ("US_NPI", "1234567893", "my NPI is "),
    ("ABA_ROUTING_NUMBER", "111000025", "routing number: "),
    ("US_EIN", "04-2103594", "our EIN is "),
    ("UK_NHS", "943 476 5870", "NHS number "),
    ("UK_NINO", "AB 12 34 56 C", ""),
    ("CA_SIN", "046 454 286", "SIN: "),
    ("IN_AADHAAR", "2341 2341 2346", ""),
    ("IN_AADHAAR", "234123412346", "aadhaar no "),
    ("IN_PAN", "ACUPA7085R", ""),
    ("IN_PAN", "acupa7085r", "my pan card is "),
    ("PL_PESEL", "44051401359", "PESEL "),
    ("PL_NIP", "856-734-62-15", "NIP "),
    ("ES_NIF", "54362315-K", ""),
    ("ES_NIF", "54362315k", "mi dni es "),
    ("ES_NIE", "X2482300W", ""),
    ("IT_FISCAL_CODE", "RCCMNL83S18D969H", ""),
    ("DE_TAX_ID", "36 574 261 809", "Steuer-ID: "),
    ("FR_NIR", "2 95 10 99 126 111 93", ""),
    ("FR_NIR", "295109912611193", "numéro de sécurité sociale : "),
    ("NL_BSN", "111222333", "BSN "),
    ("PT_NIF", "501 964 843", "NIF "),
    ("BR_CPF", "390.533.447-05", ""),
    ("BR_CPF", "39053344705", "CPF: "),
    ("BR_CNPJ", "16.727.230/0001-97", ""),
    ("BIC", "DEUTDEFF500", "BIC: "),
    ("MAC_ADDRESS", "00:1b:44:11:3a:b7", ""),
    ("MAC_ADDRESS", "00-1B-44-11-3A-B7", ""),
    ("MAC_ADDRESS", "001b.4411.3ab7", ""),
    ("IMEI", "490154203237518", "IMEI "),
    ("IMEI", "49-015420-323751-8", "imei: "),
    ("VIN", "1M8GDM9AXKP042788", ""),
    ("VIN", "wvwzzz1jz3w386752", "VIN: "),
    ("MEDICAL_LICENSE", "28 12 34567", "NºCol: "),
    ("ACCOUNT_NUMBER", "28 12345678 40", "NASS: "),
    ("ACCOUNT_NUMBER", "123456", "NHC: "),
    ("ACCOUNT_NUMBER", "00482911", "MRN "),
]


@pytest.mark.parametrize(("kind", "value", "cue"), VALUES, ids=[f"{kind} {value}" for kind, value, _ in VALUES])
@pytest.mark.parametrize("sentence", ["{}.", "and {}, if you need it", '{{"note": "{}"}}'])
def test_an_identifier_is_found_whole(kind: str, value: str, cue: str, sentence: str) -> None:
    text = sentence.format(cue + value)
    assert [(span.type, text[span.start : span.end]) for span in detect(text)] == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "we sold 111222333 bolts",
        "44051401359 and 943 476 5871",
        "sin embargo 046454286",
        "der 12-3456789 ist ein Teil",
        "the code is 490154203237518",
        "SWIFT DELIVERY, SWIFT RESPONSE",
        "take the next turn in 111000025 ms",
        "part ABCDE1234F and part AB123456X",
        "12345678A",
        "1M8GDM9A1KP042788",
        "00:00:00:00:00:00",
        "una historia de 2023",
        "390.533.447-06",
    ],
)
def test_a_run_without_its_cue_or_checksum_is_none(text: str) -> None:
    assert detect(text, left_out=GENERIC) == []


def test_a_mistyped_identifier_behind_its_cue_counts_with_a_low_score() -> None:
    (span,) = detect("my NHS number is 943 476 5871")
    assert (span.type, span.detector) == ("UK_NHS", "uk-nhs-cue")
    assert span.score < 0.7


def test_a_cue_speaks_for_the_next_value_only() -> None:
    text = "NHS number 943 476 5870, phone 020 7946 0958"
    assert [span.type for span in detect(text)] == ["UK_NHS", "PHONE_NUMBER"]
    assert [span.type for span in detect("PESEL 44051401359, tel. 600 100 200")] == ["PL_PESEL", "PHONE_NUMBER"]


@given(st.integers(0, 10**9 - 1), st.integers(0, 9))
def test_one_check_digit_in_ten_makes_a_provider_number(body: int, digit: int) -> None:
    numbers = [f"1{body % 10**8:08d}{last}" for last in range(10)]
    assert sum(checked("npi", number) for number in numbers) == 1
    assert not checked("npi", f"3{body % 10**8:08d}{digit}")


def test_the_check_digit_of_a_vehicle() -> None:
    assert vin("11111111111111111")
    assert vin("1M8GDM9AXKP042788")
    assert not vin("1M8GDM9AXKP042789")
    assert not vin("1M8GDM9AXKPO42788")
