"""What a run of digits is: a card, a social security number, a telephone number, or just a number.

A bare run of digits means nothing ("180-135" is arithmetic). It counts only with a checksum, a numbering plan, a
spelling that only one kind of number has, or a cue beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from mlops.privacy import phones, validators
from mlops.privacy.spans import Finding

Tally = Counter[tuple[str, bool]]

_BEFORE = 48
_AFTER = 16
_GROUP = re.compile(r"[0-9]+")
_PHONE_CUE = re.compile(
    r"\b(?:tele)?phones?\b|\btel\b|\bmobile|\bcell|\bcall(?:ing|ed|s)?\b|\btext(?:ing|s)?\b|\bsms\b|\bwhats ?app|\bfax|"
    r"\breach\b|\bcontact|\bnumber\b|\bring\b|\bdial|\bhot ?line|\bdesk\b|\boffice\b|\bhandy\b|\btelefon|\bmóvil|"
    r"\bt[ée]l[ée](?:phone|fono)|\bportable\b|\bmessages to\b|\banswering at\b|\bphone_?(?:number)?\b|_phone\b|_tel\b",
    re.IGNORECASE,
)
_PHONE_CUE_AFTER = re.compile(r"^[\s\-,(]{0,3}(?:office|fax|mobile|cell|desk|home|work|phone)\b", re.IGNORECASE)
_CARD_CUE = re.compile(r"\bcard|\bcc\b|\bvisa\b|\bmaster ?card|\bamex\b|\bcredit\b|\bdebit\b", re.IGNORECASE)
_SSN_CUE = re.compile(r"\bssn\b|\bsocial security|\bsocial sec\b|_ssn\b", re.IGNORECASE)
_OTHER_CUE = re.compile(
    r"\border|\binvoice|\baccount|\bacct|\bticket|\breference|\bcard|\bssn|\bsocial|\btracking|\bserial|\bcustomer|"
    r"\bpolicy|\bbooking|\bcode\b|\biban|\bmember|\bcase\b|\blicen[cs]e|\bpassport|\bisbn|\bsku|\bmodel|\bpart\b|"
    r"\bproduct|\bversion|\bfirmware|\btotal|\bamount|\bprice|\bbalance|\bid\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:(?:19|20)[0-9]{2}[\-./][0-9]{1,2}[\-./][0-9]{1,2}|[0-9]{1,2}[\-./][0-9]{1,2}[\-./](?:19|20)[0-9]{2})(?![0-9])"
)
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|INR|JPY|PLN|SEK)) ?$")
_MONEY_AFTER = re.compile(r"^(?:[.,][0-9]{2})? ?(?:[$€£¥₹%]|(?:EUR|USD|GBP|CHF|INR|JPY|PLN|SEK|euros?|dollars?)\b)")
_SSN_SHAPE = re.compile(r"[0-9]{3}([ \-]?)[0-9]{2}\1[0-9]{4}")
_SUM = re.compile(r"[0-9] [\-/] [0-9]")
_SUM_AFTER = re.compile(r"^ ?[=+*\u00d7\u00f7]")
_SUM_BEFORE = re.compile(r"(?:<<|[+*\u00d7\u00f7]) ?$")


def classify(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """Findings inside one candidate run of the view.

    Args:
        view: the whole normalised text.
        start, end: the run, as the pattern found it.
        tally: counts (validator, accepted) for the report.
    """
    if not clear_of_digits(view, start, end):
        return
    cards = list(_cards(view, start, end, tally))
    yield from cards
    cursor = start
    for low, high in [*((card.start, card.end) for card in cards), (end, end)]:
        yield from _uncarded(view, cursor, low, tally)
        cursor = high


def clear_of_digits(view: str, start: int, end: int) -> bool:
    """Whether the run stands free: not inside a word, a longer number or a decimal."""
    before = view[start - 1 : start]
    if before.isalnum() or (before in {".", ","} and view[start - 2 : start - 1].isdigit()):
        return False
    after = view[end : end + 1]
    return not after.isalnum() and not (after in {".", ","} and view[end + 1 : end + 2].isdigit())


def looks_like_date(text: str) -> bool:
    return _DATE.match(text) is not None


def looks_like_money(view: str, start: int, end: int) -> bool:
    before = view[max(0, start - 5) : start]
    return _MONEY_BEFORE.search(before) is not None or _MONEY_AFTER.match(view[end : end + 12]) is not None


def _cards(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    groups = [match.span() for match in _GROUP.finditer(view, start, end)]
    first = 0
    while first < len(groups):
        step = 1
        for last in range(len(groups), first, -1):
            low, high = groups[first][0], groups[last - 1][1]
            digits = "".join(view[one:two] for one, two in groups[first:last])
            spaced_out = last - first == len(groups) == len(digits)
            if not 12 <= len(digits) <= 19 or not (spaced_out or _even_separators(view, groups[first:last])):
                continue
            valid = validators.credit_card(digits)
            tally["luhn-issuer", valid] += 1
            cued = not valid and len(digits) >= 13 and _cue(_CARD_CUE, view, start)
            if valid or cued:
                detector = "card-number" if valid else "card-cue"
                score = 1.0 if valid else 0.7
                yield Finding(low, high, "CREDIT_CARD", score, detector, valid, digits, view[low:high])
                step = last - first
                break
        first += step


def _even_separators(view: str, groups: list[tuple[int, int]]) -> bool:
    """Card groups are parted by one space or one dash each, the same throughout, and have two digits or more."""
    separators = {view[one[1] : two[0]] for one, two in pairwise(groups)}
    short = any(high - low < 2 for low, high in groups)
    return not separators or (len(separators) == 1 and separators <= {" ", "-", ".", " - "} and not short)


def _uncarded(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    text = view[start:end].strip(" -./")
    if len(text) < 7:
        return
    start = view.index(text, start)
    ssn = _ssn(view, start, start + len(text), tally)
    if ssn is not None:
        yield ssn
        return
    phone = _phone(view, start, text, tally)
    if phone is not None:
        yield phone


def _ssn(view: str, start: int, end: int, tally: Tally) -> Finding | None:
    shape = _SSN_SHAPE.fullmatch(view, start, end)
    if shape is None:
        return None
    if shape.group(1) != "-" and not _cue(_SSN_CUE, view, start):
        return None
    digits = "".join(_GROUP.findall(view, start, end))
    valid = validators.us_ssn(digits)
    tally["us-ssn-rules", valid] += 1
    if valid:
        return Finding(start, end, "US_SSN", 0.95, "us-ssn", True, digits, view[start:end])
    if _cue(_SSN_CUE, view, start):
        return Finding(start, end, "US_SSN", 0.6, "us-ssn-cue", False, digits, view[start:end])
    return None


def _phone(view: str, start: int, text: str, tally: Tally) -> Finding | None:
    """The longest leading part of the run, by whole groups, that is a telephone number."""
    groups = [match.end() for match in _GROUP.finditer(text)]
    ends = [len(text), *reversed(groups[:-1])] if len(groups) <= 8 else [len(text)]
    for end in ends:
        part = text[:end].rstrip(" -./(")
        if not 7 <= len(phones.digits_of(part)) <= 16:
            continue
        found = _phone_part(view, start, part, tally)
        if found is not None:
            return found
    return None


def _phone_part(view: str, start: int, part: str, tally: Tally) -> Finding | None:
    end = start + len(part)
    unlikely = looks_like_date(part) or looks_like_money(view, start, end) or _is_sum(view, start, end)
    abroad = phones.international(part)
    if unlikely and not abroad:
        return None
    cued = _phone_cue(view, start, end)
    if not (abroad or cued or phones.telling_shape(part)):
        return None
    canonical = phones.canonical(part)
    tally["numbering-plan", canonical is not None] += 1
    if canonical is not None:
        return Finding(start, end, "PHONE_NUMBER", 0.9, "phone-number", abroad, canonical, part)
    if not cued and not phones.telling_shape(part):
        return None
    return Finding(start, end, "PHONE_NUMBER", 0.65, "phone-cue", False, phones.digits_of(part), part)


def _is_sum(view: str, start: int, end: int) -> bool:
    """Whether the run is arithmetic: spaced operators inside it, or an operator beside it."""
    if _SUM.search(view, start, end) or _SUM_AFTER.match(view[end : end + 2]):
        return True
    return _SUM_BEFORE.search(view[max(0, start - 3) : start]) is not None


def _phone_cue(view: str, start: int, end: int) -> bool:
    if _PHONE_CUE_AFTER.match(view[end : end + _AFTER]):
        return True
    window = view[max(0, start - _BEFORE) : start]
    phone, other = _last(_PHONE_CUE, window), _last(_OTHER_CUE, window)
    # "card number", "order number": the noun before the word decides, so a cue of another kind just before it wins.
    return phone >= 0 and (other < 0 or phone - other > 12)


def _last(cue: re.Pattern[str], window: str) -> int:
    place = -1
    for match in cue.finditer(window):
        place = match.start()
    return place


def _cue(cue: re.Pattern[str], view: str, start: int) -> bool:
    return cue.search(view[max(0, start - _BEFORE) : start]) is not None
