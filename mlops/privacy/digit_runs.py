"""What a run of digits is: a card, a social security number, a telephone number, or just a number.

A bare run of digits means nothing ("180-135" is arithmetic). It counts only with a checksum, a numbering plan, a
spelling that only one kind of number has, or a cue beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mlops.privacy import national_ids, phones, validators
from mlops.privacy.spans import Finding
from mlops.privacy.words import plainly

Tally = Counter[tuple[str, bool]]

_BEFORE = 48
_AFTER = 36
_PHONE_GROUPS = 8
_GROUP = re.compile(r"[0-9]+")
_PHONE_CUE = re.compile(
    r"\b(?:tele)?phones?\b|\btel\b|\bmobile|\bcell|\bcall(?:ing|ed|s)?\b|\btext(?:ing|s)?\b|\bsms\b|\bwhats ?app|\bfax|"
    r"\breach\b|\bcontact|\bnumber\b|\bring\b|\bdial|\bhot ?line|\bdesk\b|\boffice\b|\bhandy|\btelefon|\bm[óo]vil|"
    r"\bt[ée]l[ée](?:phone|fono)|\bportable\b|\bmessages to\b|\banswering at\b|\bphone_?(?:number)?\b|_phone\b|_tel\b|"
    r"\bt(?:el[eé]?|fn?o|lfn?o?|lf|él)\b|\btelem[óo]vel|\bcellulare|\bcelular|\bll[áa]m|\bmarque|\brufnummer|\bmobil|"
    r"\banruf|\berreich|\bappel|\bjoindre|\bkom[óo]rk|\bzadzwo|\bnumer\b|\bligar|\bligue|\bchiam|\btelefoonn?|"
    r"\bmobiel|\bbel(?:len)?\b|\bgsm\b|\bn[úu]mero de contact",
    re.IGNORECASE,
)
_PHONE_CUE_AFTER = re.compile(
    r"^[\s\-,(]{0,3}(?:is (?:(?:my|the|his|her|our|a) )?(?:\w{1,9} )?)?"
    r"(?:office|fax|mobile|cell|desk|home|work|phone|telephone|whatsapp|land ?line|handy)\b",
    re.IGNORECASE,
)
_CARD_CUE = re.compile(r"\bcard|\bcc\b|\bvisa\b|\bmaster ?card|\bamex\b|\bcredit\b|\bdebit\b", re.IGNORECASE)
_SSN_CUE = re.compile(
    r"\bssn\b|\bsocial\b|_ssn\b|\btax (?:id|number)|\bs[ée]cu\b|\bs[ée]curit[ée] soc|\bseguridad soc|\bsozialvers",
    re.IGNORECASE,
)
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
_SSN_SHAPE = re.compile(r"[0-9]{3}([ .\-]?)[0-9]{2}\1[0-9]{4}")
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
        for last in _card_ends(view, groups, first):
            card = _card(view, start, groups[first:last], tally)
            if card is not None:
                yield card
                step = last - first
                break
        first += step


def _card_ends(view: str, groups: list[tuple[int, int]], first: int) -> list[int]:
    """Ends of the windows of groups, from `first`, that can be a card; longest first.

    Groups of a card are parted by one space or dash each, the same throughout, and have two digits or more. A run
    that is nothing but single digits may be one card typed digit by digit.
    """
    if first == 0 and 12 <= len(groups) <= 19 and all(high - low == 1 for low, high in groups):
        return [len(groups)]
    ends, digits, separator = [], 0, ""
    for last in range(first, len(groups)):
        low, high = groups[last]
        digits += high - low
        between = view[groups[last - 1][1] : low] if last > first else ""
        uneven = last > first and (between not in {" ", "  ", "-", ".", " - "} or (separator and between != separator))
        if uneven or digits > 19:
            break
        separator = between
        if high - low < 2:
            # Only the last group of a card may be a single digit.
            ends += [last + 1] * (digits >= 12 and last > first)
            break
        if digits >= 12:
            ends.append(last + 1)
    return ends[::-1]


def _card(view: str, start: int, groups: list[tuple[int, int]], tally: Tally) -> Finding | None:
    low, high = groups[0][0], groups[-1][1]
    digits = "".join(view[one:two] for one, two in groups)
    valid = validators.credit_card(digits)
    tally["luhn-issuer", valid] += 1
    if valid:
        return Finding(low, high, "CREDIT_CARD", 1.0, "card-number", True, digits, view[low:high])
    if len(digits) >= 13 and _cue(_CARD_CUE, view, start):
        return Finding(low, high, "CREDIT_CARD", 0.7, "card-cue", False, digits, view[low:high])
    return None


def _uncarded(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """Social security and telephone numbers, group by group. A cue alone speaks for the first number of a run only."""
    groups = [match.span() for match in _GROUP.finditer(view, start, end)]
    first, after_number = 0, True
    while first < len(groups):
        low = groups[first][0]
        while low > start and view[low - 1] in "+(":
            low -= 1
        finding = _number_at(view, low, groups[first : first + _PHONE_GROUPS], after_number, tally)
        after_number = finding is not None
        if finding is None:
            first += 1
            continue
        yield finding
        while first < len(groups) and groups[first][0] < finding.end:
            first += 1


def _number_at(view: str, low: int, groups: list[tuple[int, int]], cues_count: bool, tally: Tally) -> Finding | None:
    """The longest window of groups from `low` that is a number of a person."""
    windows, digits = [], 0
    for start, end in groups:
        digits += end - start
        if 7 <= digits <= 21:
            windows.append((end, digits))
    for end, count in reversed(windows):
        finding = _ssn(view, low, end, tally) if count == 9 else None
        if finding is None and 9 <= count <= 15:
            compact = "".join(_GROUP.findall(view, low, end))
            finding = national_ids.numeric_finding(view, low, end, compact, tally)
        if finding is None and count <= 16 + 5 * _has_extension(view, low, end):
            finding = _phone_part(view, low, view[low:end], cues_count, tally)
        if finding is not None:
            return finding
    return None


def _has_extension(view: str, low: int, end: int) -> bool:
    return "x" in view[low:end].casefold()


def _ssn(view: str, start: int, end: int, tally: Tally) -> Finding | None:
    shape = _SSN_SHAPE.fullmatch(view, start, end)
    if shape is None:
        return None
    cued = _cue(_SSN_CUE, view, start)
    if shape.group(1) != "-" and not cued:
        return None
    digits = "".join(_GROUP.findall(view, start, end))
    valid = validators.us_ssn(digits)
    tally["us-ssn-rules", valid] += 1
    if valid:
        return Finding(start, end, "US_SSN", 0.95, "us-ssn", True, digits, view[start:end])
    if cued:
        return Finding(start, end, "US_SSN", 0.6, "us-ssn-cue", False, digits, view[start:end])
    taxpayer = validators.us_itin(digits)
    return Finding(start, end, "US_ITIN", 0.8, "us-itin", True, digits, view[start:end]) if taxpayer else None


def _phone_part(view: str, start: int, part: str, cues_count: bool, tally: Tally) -> Finding | None:
    end = start + len(part)
    unlikely = looks_like_date(part) or looks_like_money(view, start, end) or _is_sum(view, start, end)
    abroad = phones.international(part)
    if unlikely and not abroad:
        return None
    cued = cues_count and _phone_cue(view, start, end)
    if not (abroad or cued or phones.telling_shape(part)):
        return None
    canonical = phones.canonical(part)
    tally["numbering-plan", canonical is not None] += 1
    if canonical is not None:
        return Finding(start, end, "PHONE_NUMBER", 0.9, "phone-number", abroad, canonical, part)
    plausible = part.startswith("+") and 9 <= len(phones.digits_of(part)) <= 15
    if unlikely or not (cued or plausible or phones.telling_shape(part)):
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
    window = plainly(view[max(0, start - _BEFORE) : start])
    phone, other = _last(_PHONE_CUE, window), _last(_OTHER_CUE, window)
    # "card number", "order number": the noun before the word decides, so a cue of another kind just before it wins.
    return phone >= 0 and (other < 0 or phone - other > 12)


def _last(cue: re.Pattern[str], window: str) -> int:
    place = -1
    for match in cue.finditer(window):
        place = match.start()
    return place


def _cue(cue: re.Pattern[str], view: str, start: int) -> bool:
    return cue.search(plainly(view[max(0, start - _BEFORE) : start])) is not None
