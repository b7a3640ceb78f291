from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.privacy.date_shift import shift_dates
from mlops.privacy.keys import Key, key_id
from mlops.privacy.operators import generalise, mask_all_but, shifted_date, token

KEY = Key(key_id(bytes(32)), bytes(32))


@pytest.mark.parametrize(
    ("text", "last", "expected"),
    [
        ("4111 1111 1111 1234", 4, "**** **** **** 1234"),
        ("anna@x.org", 3, "****@*.org"),
        ("1234", 4, "**34"),
        ("7", 4, "*"),
        ("AB-12", 0, "**-**"),
    ],
)
def test_all_but_the_last_characters_are_masked(text: str, last: int, expected: str) -> None:
    assert mask_all_but(text, last) == expected
    assert mask_all_but(expected, last) == expected


@pytest.mark.parametrize(
    ("kind", "surface", "expected"),
    [
        ("DATE_TIME", "12 May 1980", "1980"),
        ("DATE_TIME", "1980", "1980"),
        ("DATE_TIME", "03/04/36", None),
        ("DATE_TIME", "03/04/1936", None),
        ("DATE_TIME", "from 1980 to 1990", None),
        ("LOCATION", "94107", "941"),
        ("LOCATION", "94107-1234", "941"),
        ("LOCATION", "03601", "000"),
        ("LOCATION", "12 Baker Street", None),
        ("AGE", "93 years old", "90 years old"),
        ("AGE", "89", "89"),
        ("PERSON", "Anna", None),
    ],
)
def test_safe_harbor_keeps_no_more_than_it_may(kind: str, surface: str, expected: str | None) -> None:
    assert generalise(kind, surface, 1937) == expected


def test_a_token_depends_on_key_type_value_and_scope_and_names_none_of_them() -> None:
    other = Key(key_id(bytes([1] * 32)), bytes([1] * 32))
    found = {
        token("PERSON", "anna", "row:1", KEY),
        token("PERSON", "anna", "row:2", KEY),
        token("PERSON", "bob", "row:1", KEY),
        token("LOCATION", "anna", "row:1", KEY),
        token("PERSON", "anna", "row:1", other),
    }
    assert len(found) == 5
    assert token("PERSON", "anna", "row:1", KEY) in found
    assert not any("anna" in one for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2001-12-30", "2002-01-04"),
        ("30.12.2001", "04.01.2002"),
        ("12/30/2001", "01/04/2002"),
        ("30/12/2001", "04/01/2002"),
        ("12/30/01", "01/04/02"),
        ("30 December 2001", "4 January 2002"),
        ("30 Dec 2001", "4 Jan 2002"),
        ("December 30th, 2001", "January 4th, 2002"),
        ("30 DECEMBER 2001", "4 JANUARY 2002"),
        ("30 de diciembre de 2001", "4 de enero de 2002"),
        ("30. Dezember 2001", "4. Januar 2002"),
        ("30 grudnia 2001", "4 stycznia 2002"),
        ("2001-12-30T10:15:00Z", "2002-01-04T10:15:00Z"),
        ("31/02/2001", None),
        ("30 Brumaire 2001", None),
        ("Monday", None),
        ("9999-12-31", None),
    ],
)
def test_a_date_moves_and_is_written_as_it_was(text: str, expected: str | None) -> None:
    assert shift_dates(text, 5) == expected


@given(
    st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-3650, 3650), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y"])
)
def test_every_date_moves_by_that_many_days(day: date, days: int, form: str) -> None:
    assert shift_dates(day.strftime(form), days) == (day + timedelta(days)).strftime(form)


@given(st.integers(0, 500), st.integers(1, 400))
def test_a_moved_date_is_another_one_within_the_bound_and_the_same_for_its_subject(subject: int, days: int) -> None:
    found = shifted_date("2001-06-15", f"conversation:{subject}", KEY, days)
    assert found is not None
    assert 1 <= abs((date.fromisoformat(found) - date(2001, 6, 15)).days) <= days
    assert found == shifted_date("2001-06-15", f"conversation:{subject}", KEY, days)
