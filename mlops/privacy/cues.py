"""Findings that need words around them: postal addresses, account and order numbers, dates of birth."""

from __future__ import annotations

import re

from mlops.privacy.digit_runs import looks_like_date, looks_like_money
from mlops.privacy.normalisation import BLANK
from mlops.privacy.patterns import Alternation
from mlops.privacy.spans import Finding

_TYPES = (
    r"(?:street|avenue|road|lane|drive|boulevard|court|place|square|terrace|close|crescent|parkway|highway|alley|grove"
    r"|gardens|mews|circle|trail|plaza|row|way|st|ave|rd|ln|dr|blvd|ct|pl|sq|pkwy|hwy|cres|cir)"
)
_WORD = r"(?:\p{Lu}[\p{L}\p{M}'.\-]*|[0-9]{1,3}(?:st|nd|rd|th))"
_UNIT = r"(?:,? {0,2}(?i:apt|apartment|suite|ste|unit|flat|floor|#)\.? ?[A-Za-z0-9\-]{1,6})?"
_PLACE = (
    r"(?:,? {0,2}\p{Lu}[\p{L}\-]+(?: \p{Lu}[\p{L}\-]+){0,2},? {0,2}"
    r"(?:[A-Z]{2},? [0-9]{5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}|[0-9]{4,5}))?"
)
_ROMANCE = r"(?i:rue|avenue|boulevard|allée|place|quai|via|viale|piazza|corso|calle|avenida|paseo|plaza|rua|ulica|ul\.)"
_ARTICLES = r"(?:(?i:de|la|du|des|del|della|dei|di|do|da|los|las|les|le|l'|d') ?){0,3}"
_NUMBER_BEFORE = r"[0-9]{1,5}[A-Za-z]?(?:[\-/][0-9]{1,4})?"

_ACCOUNT_NOUN = (
    r"(?:order|account|acct|customer|client|invoice|ticket|case|reference|ref|booking|reservation|confirmation|policy"
    r"|member(?:ship)?|tracking|contract|passport|licen[cs]e|iban|patient|employee|user|transaction|parcel|shipment"
    r"|claim|subscriber|routing|national insurance|tax|bestell|kunden|konto|rechnungs|commande|client[e]?|pedido)"
)
_BARE_NOUN = (
    r"(?:order|account|acct|invoice|ticket|case|reference|ref|booking|reservation|confirmation|policy|tracking|contract"
    r"|parcel|shipment|claim|iban|transaction|ord|customer|clients?|cliente|kunde|kundin)"
)
_MARK = r"(?:[ _\-]{0,2}(?:numbers?|num|no|nr|id|ids|reference|ref|code|nummer|número|numero)\b\.?|[ _\-]{0,2}[#№])"
_LINK = r"[\"']?(?:\s{0,2}(?i:\b(?:is|ist|est|es)\b|:|=|#|-)){0,3}\s{0,2}[\"'#(]{0,2}"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]{0,6}\.?"
_BIRTH_DATE = (
    rf"[0-9]{{1,4}}[./\-][0-9]{{1,2}}[./\-][0-9]{{2,4}}|[0-9]{{1,2}}(?:st|nd|rd|th|\.)? (?:of )?(?i:{_MONTH}),? "
    rf"[0-9]{{2,4}}|(?i:{_MONTH}) [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{2,4}}"
)

# Addresses that carry their own cue: a street word and a house number.
STREETS = Alternation(
    {
        "street": (
            rf"(?P<street>\b{_NUMBER_BEFORE},? (?:[NSEW]\.? )?(?:{_WORD} ){{1,4}}(?i:{_TYPES})\b\.?{_UNIT}{_PLACE})"
        ),
        "street_lower": (
            rf"(?P<street_lower>\b[0-9]{{1,5}} (?:[a-z'\-]{{2,20}} ){{1,3}}"
            rf"(?:street|avenue|road|lane|drive|boulevard|st|ave|rd)\b{_UNIT})"
        ),
        "street_suffix": (
            r"(?P<street_suffix>\p{Lu}[\p{L}\-]*(?:straße|strasse|str\.|gasse|weg|platz|allee|ufer|damm|laan|straat|vägen"
            r"|gatan|katu|tie) [0-9]{1,4} ?[a-z]?\b(?:,? [0-9]{4,5} \p{Lu}[\p{L}\-]+)?)"
        ),
        "street_prefix": (
            rf"(?P<street_prefix>\b{_NUMBER_BEFORE},? (?:bis )?{_ROMANCE} {_ARTICLES}\p{{Lu}}[\p{{L}}\-]*"
            rf"(?: \p{{Lu}}[\p{{L}}\-]*){{0,3}}"
            rf"|\b{_ROMANCE} {_ARTICLES}\p{{Lu}}[\p{{L}}\-]*(?: \p{{Lu}}[\p{{L}}\-]*){{0,3}},? [0-9]{{1,4}}\b)"
        ),
        "box": r"(?P<box>\b(?i:p\.? ?o\.? ?box|postfach) [0-9]{1,6}\b)",
    }
)

CUED = Alternation(
    {
        "birth": (
            rf"(?i:\bborn(?: on)?|\bdate[ _]of[ _]birt?h|\bd\.?o\.?b\b\.?|\bbirt?h[ _-]?d\w{{1,5}}|\bgeboren(?: am)?"
            rf"|\bgeburts(?:datum|tag)|\bnací el|\bnacid[oa] el|\bfecha de nacimiento|\bnée? le|\bdate de naissance)"
            rf"[\"']?(?:\s{{0,2}}(?i:\b(?:is|ist|est|es|was)\b|:|=)){{0,2}}\s{{0,2}}[\"']?(?P<birth>{_BIRTH_DATE})"
        ),
        "address": (
            r"(?i:\b(?:(?:home|postal|mailing|billing|shipping|delivery|street|my|our|new|his|her|old|correct|their)"
            r"[ _])+address)[\"']?\s{0,2}(?:is|to|:|=)\s{0,2}[\"']?(?P<address>[^\n\"{}<>\x{E000}]{6,120})"
        ),
        "marked": rf"(?i:(?:\b|_){_ACCOUNT_NOUN}{_MARK}){_LINK}(?P<marked>[A-Za-z0-9][A-Za-z0-9\-/_]{{3,34}})",
        "bare": rf"(?i:\b{_BARE_NOUN})[\"']? {{0,2}}[:#]{{0,2}} ?#?(?P<bare>[A-Za-z]{{0,4}}-?[0-9][0-9\-]{{4,24}})",
    }
)

_DELIVERY_CUE = re.compile(r"\b(?:lives?|living|address|located|deliver|ship|send|reside|moved to)\b", re.IGNORECASE)
_UNITS = re.compile(r"^ ?(?:units?|pieces?|items?|pcs|copies|people|boxes|pages|times|more|points|words|of)\b")


def street_findings(view: str) -> list[Finding]:
    """Postal addresses: LOCATION. A lower-case spelling needs a cue before it ("I live at")."""
    found = []
    for branch, start, end in STREETS.candidates(view):
        if branch == "street_lower" and not _DELIVERY_CUE.search(view[max(0, start - 40) : start]):
            continue
        found.append(_location(view, start, end, branch.replace("_", "-"), 0.8))
    return found


def cued_findings(view: str) -> list[Finding]:
    """Account and order numbers after their noun, dates of birth, and what follows "my address is"."""
    found = []
    for branch, start, end in CUED.candidates(view):
        if branch == "birth":
            found.append(_finding(view, start, end, "DATE_TIME", "birth-date", 0.8))
        elif branch == "address":
            found.extend(_spoken_address(view, start, end))
        elif _account_like(view, start, end, branch):
            end = start + len(view[start:end].rstrip("-/_"))
            found.append(_finding(view, start, end, "ACCOUNT_NUMBER", f"account-{branch}", 0.8))
    return found


def _spoken_address(view: str, start: int, end: int) -> list[Finding]:
    """The rest of the line or sentence, if it holds a house number and at least two words."""
    text = re.split(r"[.!?;]\s|\\|, (?:and|but|please)\b| (?:and|but|please|because) ", view[start:end])[0]
    text = text.rstrip(" .,;!?'")
    if "@" in text or "://" in text or " " not in text or not re.search(r"[0-9]", text):
        return []
    return [_location(view, start, start + len(text), "address-cue", 0.6)]


def _location(view: str, start: int, end: int, detector: str, score: float) -> Finding:
    end = start + len(view[start:end].rstrip(" ,"))
    return _finding(view, start, end, "LOCATION", detector, score)


def _account_like(view: str, start: int, end: int, branch: str) -> bool:
    value = view[start:end]
    digits = sum(character.isdigit() for character in value)
    if digits < (4 if branch == "marked" else 5) or looks_like_date(value) or looks_like_money(view, start, end):
        return False
    after = view[end : end + 2]
    if (after[:1].isalnum() or after[:1] in {"@", BLANK}) or (after[:1] in {".", ","} and after[1:].isdigit()):
        return False
    return branch == "marked" or not _UNITS.match(view[end : end + 10])


def _finding(view: str, start: int, end: int, kind: str, detector: str, score: float) -> Finding:
    surface = view[start:end]
    canonical = " ".join(surface.casefold().split())
    if kind == "ACCOUNT_NUMBER":
        canonical = "".join(character for character in canonical if character.isalnum())
    return Finding(start, end, kind, score, detector, False, canonical, surface)
