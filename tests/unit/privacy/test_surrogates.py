from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.privacy import validators
from mlops.privacy.config import ENTITY_TYPES
from mlops.privacy.invented_names import LANGUAGES, invented
from mlops.privacy.keys import Draw, Key, key_id
from mlops.privacy.surrogates import squeezed, surrogate

_MATERIAL = bytes(range(32))
KEY = Key(key_id(_MATERIAL), _MATERIAL)


def made(kind: str, canonical: str, surface: str, scope: str = "dataset:", taken: frozenset[str] = frozenset()) -> str:
    found = surrogate(kind, canonical, surface, scope, KEY, taken)
    assert found is not None
    return found


SCOPES = [f"dataset:{number}" for number in range(50)]


@pytest.mark.parametrize(
    ("number", "begins"),
    [
        ("4111111111111111", "400000"),
        ("378282246310005", "378282"),
        ("5105105105105100", "555555"),
        ("4222222222222", "4000"),
    ],
)
def test_cards_keep_brand_and_length_pass_their_checksum_and_are_test_numbers(number: str, begins: str) -> None:
    for scope in SCOPES:
        found = made("CREDIT_CARD", number, number, scope)
        assert len(found) == len(number)
        assert found.startswith(begins)
        assert sum(sum(map(int, str(int(d) * (1 + p % 2)))) for p, d in enumerate(reversed(found))) % 10 == 0


@pytest.mark.parametrize("iban", ["DE89370400440532013000", "GB82WEST12345698765432", "NL91ABNA0417164300"])
def test_ibans_keep_country_and_length_pass_their_checksum_and_name_no_bank(iban: str) -> None:
    for scope in SCOPES:
        found = made("IBAN_CODE", iban, iban, scope)
        assert validators.iban(found)
        assert (found[:2], len(found)) == (iban[:2], len(iban))
        assert found[4:8] in {"0000", "XXXX"}


def test_addresses_lie_in_the_ranges_for_documentation() -> None:
    for scope in SCOPES:
        four = ipaddress.ip_address(made("IP_ADDRESS", "10.1.2.3", "10.1.2.3", scope))
        six = ipaddress.ip_address(made("IP_ADDRESS", "2a00::1", "2a00::1", scope))
        assert any(four in ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
        assert six in ipaddress.ip_network("2001:db8::/32")
        assert re.search(r"@example\.(com|net|org)$", made("EMAIL_ADDRESS", "bo@x.org", "bo@x.org", scope))


@pytest.mark.parametrize(
    ("canonical", "surface", "shape"),
    [
        ("+1 4155550132", "+1 (415) 555-0132", r"\+1 \([2-9]\d\d\) 555-01\d\d"),
        ("+1 4155550132", "415.555.0132", r"[2-9]\d\d\.555\.01\d\d"),
        ("+33 612345678", "06 12 34 56 78", r"06 39 98 \d\d \d\d"),
        ("+44 7911123456", "07911 123456", r"07700 900\d\d\d"),
        ("+48 601234567", "+48 601 234 567", r"\+48 000 \d\d\d \d\d\d"),
        ("5550132", "555-0132", r"555-010\d"),
    ],
)
def test_telephone_numbers_are_written_alike_and_are_nobodys(canonical: str, surface: str, shape: str) -> None:
    for scope in SCOPES:
        assert re.fullmatch(shape, made("PHONE_NUMBER", canonical, surface, scope))


@pytest.mark.parametrize(
    ("canonical", "language", "gender"),
    [("jürgen müller", "de", "male"), ("giulia rossi", "it", "female"), ("josé garcía", "es", "male")],
)
def test_names_keep_language_gender_and_length_class(canonical: str, language: str, gender: str) -> None:
    first, last = canonical.split()
    for scope in SCOPES:
        given_name, family = made("PERSON", canonical, canonical.title(), scope).split()
        assert given_name in {name for names in invented(language, gender) for name in names}
        assert family in {name for names in invented(language, "family") for name in names}
        assert abs(len(given_name) - len(first)) <= 4
        assert abs(len(family) - len(last)) <= 5


def test_invented_names_are_nobodys_and_many() -> None:
    from mlops.privacy.invented_names import real_names

    for language in LANGUAGES:
        for part in ("female", "male", "family"):
            names = {name for names in invented(language, part) for name in names}
            assert len(names) >= 120
            assert not {name.casefold() for name in names} & set(real_names())
            assert all(len(names) >= 60 for names in invented(language, part))


def test_the_next_candidate_is_taken_where_the_first_is_a_real_value() -> None:
    first = made("US_SSN", "123456789", "123-45-6789")
    second = made("US_SSN", "123456789", "123-45-6789", taken=frozenset({squeezed(first)}))
    assert first != second
    assert re.fullmatch(r"666-\d\d-\d{4}", second)


def test_there_is_none_where_all_candidates_are_real_values() -> None:
    everything = frozenset(f"00005e0053{last:02x}" for last in range(256))
    assert surrogate("MAC_ADDRESS", "001a2b3c4d5e", "00:1A:2B:3C:4D:5E", "dataset:", KEY, everything) is None


@given(st.sampled_from(sorted(ENTITY_TYPES)), st.text("aZ09 -./@:é", min_size=6, max_size=24), st.integers(0, 9))
def test_any_value_gets_another_one_that_json_can_hold(kind: str, value: str, scope: int) -> None:
    if kind == "CREDIT_CARD" or kind in {"IBAN_CODE", "PHONE_NUMBER"} or not squeezed(value):
        return
    found = surrogate(kind, value.casefold().strip() or "x", value, str(scope), KEY, frozenset())
    assert found is None or (squeezed(found) != squeezed(value) and not set('"\\\n<>') & set(found))


def test_a_draw_depends_on_every_part_and_on_where_parts_end() -> None:
    def numbers(*parts: str) -> list[int]:
        draw = Draw(KEY, *parts)
        return [draw.below(1 << 32) for _ in range(9)]

    other = Key(key_id(_MATERIAL[::-1]), _MATERIAL[::-1])
    assert numbers("a", "bc") == numbers("a", "bc")
    assert len({tuple(numbers(*parts)) for parts in (("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"))}) == 4
    assert Draw(other, "a").below(1 << 32) != Draw(KEY, "a").below(1 << 32)
