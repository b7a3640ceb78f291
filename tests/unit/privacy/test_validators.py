from __future__ import annotations

import pytest

from mlops.privacy import validators


@pytest.mark.parametrize(
    "digits",
    [
        "4111111111111111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
        "4222222222222",
        "503802053770",
    ],
)
def test_issued_cards_with_a_check_digit_are_accepted(digits: str) -> None:
    assert validators.credit_card(digits)


@pytest.mark.parametrize(
    "digits",
    [
        pytest.param("4111111111111112", id="check digit"),
        pytest.param("0000000000000000", id="zeros"),
        pytest.param("9111111111111113", id="no issuer"),
        pytest.param("41111111112", id="too short"),
        pytest.param("41111111111114", id="length that the issuer does not use"),
    ],
)
def test_other_digits_are_no_card(digits: str) -> None:
    assert not validators.credit_card(digits)


def test_every_single_digit_error_breaks_the_check_digit() -> None:
    number = "4111111111111111"
    for place, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not validators.luhn(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("value", ["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606"])
def test_iban_checksum_and_structure(value: str) -> None:
    assert validators.iban(value)
    assert not validators.iban(value[:-1] + ("1" if value[-1] != "1" else "2"))


@pytest.mark.parametrize(
    ("digits", "real"),
    [
        ("123456789", True),
        ("000456789", False),
        ("666456789", False),
        ("900456789", False),
        ("123006789", False),
        ("123450000", False),
        ("12345678", False),
    ],
)
def test_social_security_number_rules(digits: str, real: bool) -> None:
    assert validators.us_ssn(digits) is real


@pytest.mark.parametrize(
    ("text", "real"), [("10.0.0.1", True), ("256.1.1.1", False), ("255.255.255.0", False), ("0.0.0.0", False)]
)
def test_ipv4(text: str, real: bool) -> None:
    assert validators.ipv4(text) is real


@pytest.mark.parametrize(
    ("text", "real"), [("2001:db8::1", True), ("fe80::1a2b", True), ("a::b", False), ("::", False), ("10:30:45", False)]
)
def test_ipv6(text: str, real: bool) -> None:
    assert validators.ipv6(text) is real


@pytest.mark.parametrize("text", ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"])
def test_bitcoin_addresses_need_their_checksum(text: str) -> None:
    assert validators.crypto_address(text)
    assert not validators.crypto_address(text[:-1] + "x")
