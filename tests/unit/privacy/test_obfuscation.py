"""The obfuscation matrix: every way of writing crossed with values of every structured type."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.privacy.config import GENERIC, PrivacySection
from mlops.privacy.detection import detect, find
from mlops.privacy.masking import mask_table
from tests.unit.privacy.chat_rows import AWS_KEY, GITHUB_TOKEN, chat_table, contents, texts

MAILS = ["anna.smith@example.org", "j.kowalski@mail.example.pl", "BobLee@example.co.uk", "kim_99@example.com"]
NUMBERS = [
    ("my card is ", "4111 1111 1111 1111"),
    ("", "378282246310005"),
    ("card ", "5555-5555-5555-4444"),
    ("IBAN ", "DE89 3704 0044 0532 0130 00"),
    ("", "GB82WEST12345698765432"),
    ("SSN ", "123-45-6789"),
    ("", "+49 171 1234567"),
    ("call me at ", "(415) 555-0132"),
    ("", "+442079460958"),
    ("from ", "192.168.17.94"),
    ("PESEL ", "44051401359"),
]
KEYS = [("use ", AWS_KEY), ("", GITHUB_TOKEN)]
VALUES = [*(("", mail) for mail in MAILS), *NUMBERS, *KEYS]
LOOKALIKE = str.maketrans("aeopcxyAEOPCXBTMHK", "аеорсхуАЕОРСХВТМНК")


def every_other(text: str, change: Callable[[str], str]) -> str:
    seen = 0
    out = []
    for letter in text:
        if change(letter) != letter:
            seen += 1
            letter = change(letter) if seen % 2 else letter
        out.append(letter)
    return "".join(out)


def digits_of(zero: int) -> Callable[[str], str]:
    return lambda text: "".join(chr(zero + int(one)) if one.isdigit() else one for one in text)


def grouped(space: str) -> Callable[[str], str]:
    return lambda text: re.sub("[ -]", space, text)


def broken(text: str) -> str:
    """A line break behind the separator in the middle."""
    places = [match.end() for match in re.finditer(r"[ .@-]", text)] or [len(text) // 2]
    place = places[len(places) // 2]
    return text[:place].rstrip(" ") + "\n" + text[place:]


EVERYTHING: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "zero width": lambda text: "\u200b".join(text),
    "joiners": lambda text: text[:3] + "\u2060" + text[3:5] + "\u00ad" + text[5:],
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "Arabic-Indic digits": digits_of(0x660),
    "Devanagari digits": digits_of(0x966),
    "mathematical digits": digits_of(0x1D7D8),
    "no-break spaces": grouped("\u00a0"),
    "narrow spaces": grouped("\u202f"),
    "lookalikes": lambda text: every_other(text, lambda one: one.translate(LOOKALIKE)),
    "bidi": lambda text: f"\u202d{text}\u202c",
    "escapes": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "entities": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "percent codes": lambda text: "".join(f"%{ord(one):02X}" for one in text),
}
APART: dict[str, Callable[[str], str]] = {
    "spaced digits": lambda text: re.sub(r"(?<=[0-9])(?=[0-9])", " ", text),
    "spaced characters": lambda text: " ".join(text.replace(" ", "")),
    "line break": broken,
    "line break of another system": lambda text: broken(text).replace("\n", "\r\n"),
    "escaped line break": lambda text: broken(text).replace("\n", "\\n"),
    "NBSP entities": grouped("&nbsp;"),
}
MAIL: dict[str, Callable[[str], str]] = {
    "at dot": lambda mail: mail.replace("@", " at ").replace(".", " dot "),
    "AT DOT": lambda mail: mail.replace("@", " AT ").replace(".", " DOT "),
    "arroba punto": lambda mail: mail.replace("@", " arroba ").replace(".", " punto "),
    "[at] [dot]": lambda mail: mail.replace("@", " [at] ").replace(".", " [dot] "),
    "(at)(dot)": lambda mail: mail.replace("@", "(at)").replace(".", "(dot)"),
    "{at}": lambda mail: mail.replace("@", "{at}"),
    "<at>": lambda mail: mail.replace("@", "<at>").replace(".", "<dot>"),
    "-at- -dot-": lambda mail: mail.replace("@", " -at- ").replace(".", " -dot- "),
    "_at_": lambda mail: mail.replace("@", "_at_").replace(".", "_dot_"),
    "spaces": lambda mail: mail.replace("@", " @ ").replace(".", " . "),
    "at": lambda mail: mail.replace("@", " at "),
    "%40": lambda mail: mail.replace("@", "%40"),
    "%40 %2E": lambda mail: mail.replace("@", "%40").replace(".", "%2E"),
    "\\u0040": lambda mail: mail.replace("@", "\\u0040"),
    "\\x40": lambda mail: mail.replace("@", "\\x40"),
    "&#64;": lambda mail: mail.replace("@", "&#64;").replace(".", "&#x2e;"),
    "&commat;": lambda mail: mail.replace("@", "&commat;").replace(".", "&period;"),
    "line break": lambda mail: mail.replace("@", "@\n"),
    "line break in the host": lambda mail: mail[:-6] + "\n" + mail[-6:],
}


def share_covered(values: list[tuple[str, str]], write: Callable[[str], str]) -> float:
    """Share of the values of which 80 % of the characters are covered by findings of any type."""
    hits = 0
    for cue, value in values:
        written = write(value)
        text = f"Please note: {cue}{written}. Thanks"
        start = text.index(written)
        inside = sum(
            max(0, min(start + len(written), span.end) - max(start, span.start)) for span in detect(text, GENERIC)
        )
        hits += inside >= 0.8 * len(written)
    return hits / len(values)


@pytest.mark.parametrize("way", EVERYTHING)
def test_another_spelling_hides_no_value(way: str) -> None:
    assert share_covered(VALUES, EVERYTHING[way]) >= 0.95


@pytest.mark.parametrize("way", APART)
def test_a_number_written_apart_is_found(way: str) -> None:
    assert share_covered(NUMBERS, APART[way]) >= (0.85 if way.startswith("spaced") else 0.95)


def test_letters_for_digits_hide_no_number() -> None:
    # Two are left out: a card of ones has no digit left, and an account number with letters in it has no plain run.
    numbers = [one for one in NUMBERS if one[1] not in {"4111 1111 1111 1111", "GB82WEST12345698765432"}]
    assert share_covered(numbers, lambda text: text.translate(str.maketrans("015", "OlS"))) >= 0.95


@pytest.mark.parametrize("way", MAIL)
def test_an_address_in_words_is_found(way: str) -> None:
    assert share_covered([("my e-mail: ", mail) for mail in MAILS], MAIL[way]) >= 0.95


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("my p4ssw0rd: hunter2!", "hunter2!"),
        ("pa$$word = hunter2!", "hunter2!"),
        ("the p@ssw0rd is hunter2!", "hunter2!"),
        ("ph0ne: 555 0132", "555 0132"),
        ("c@ll me: 555 0132", "555 0132"),
        ("my s0cial is 123 45 6789", "123 45 6789"),
        ("my cr3dit c4rd is 1234 5678 9012 3456", "1234 5678 9012 3456"),
        ("my p3sel 44051401359", "44051401359"),
        ("api_k3y: abcdef1234567", "abcdef1234567"),
    ],
)
def test_leet_hides_no_cue(text: str, value: str) -> None:
    assert [text[span.start : span.end] for span in detect(text, GENERIC)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "meet me at example.org tomorrow",
        "look at that dot on the wall",
        "we met at noon. Dot com was there",
        "1 2 3 4 5 6 7 8 9 10",
        "I a m s o a n g r y",
        "12\n34\n56\n78\n90\n12\n34",
        "200 apples\n300 pears\n4000 plums",
        "dinner @ joes",
        "meet @ 5. In the evening",
        "stay-at-home.com is fun",
        "a 20%30 split and 50%20",
        "lol SOS Is 1 I so 5 O Is 1 lol",
        "model SOL-1051-IO and 10 Ill",
        "слово и СОМ, iPhoneом, А4",
    ],
)
def test_plain_text_stays_plain(text: str) -> None:
    assert detect(text, GENERIC) == []


def test_two_values_on_two_lines_stay_two() -> None:
    for value in (
        "415-555-0132",
        "anna@example.org",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "123-45-6789",
    ):
        text = f"{value}\n{value}\nplease"
        assert [text[span.start : span.end] for span in detect(text, GENERIC)] == [value, value]


def test_the_word_after_a_number_is_no_part_of_it() -> None:
    for text in ("my social is 987-65-4320. I moved", "my social is 987-65-4320 I moved", "SSN 987-65-4320. So it is"):
        assert [text[span.start : span.end] for span in detect(text, GENERIC)] == ["987-65-4320"]


def test_what_stands_on_the_line_before_is_no_part_of_a_number() -> None:
    text = "Portugal 30971\n+44 20 7946 0958\n30 minutes"
    assert [text[span.start : span.end] for span in detect(text, GENERIC)] == ["+44 20 7946 0958"]


def test_the_source_of_a_value_written_apart_is_masked_whole() -> None:
    table = chat_table([("a", "c", [("user", "card 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1, DE89 3704\n0044 0532 0130 00")])])
    assert contents(mask_table(table, PrivacySection()).table)["a"] == ["card <CREDIT_CARD_1>, <IBAN_CODE_1>"]


@settings(max_examples=100, deadline=None)
@given(texts(3), st.sampled_from(sorted(EVERYTHING)), st.sampled_from(VALUES))
def test_offsets_are_valid_whatever_the_spelling(around: str, way: str, value: tuple[str, str]) -> None:
    text = around + value[0] + EVERYTHING[way](value[1]) + around
    position = 0
    for one in find(text):
        assert position <= one.start < one.end <= len(text)
        position = one.end
