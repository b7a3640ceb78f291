"""Dates and plain web addresses: what stands in nearly every text and is seldom personal by itself.

They are shown by `detect`. A profile may leave them out (`config.LEFT_OUT`): a text without its dates teaches less.
Dates of birth and addresses that hold credentials are no part of this; other detectors find them.
"""

from __future__ import annotations

import re

from mlops.privacy.patterns import VALUE, Alternation
from mlops.privacy.spans import Finding

# Month names by language, abbreviated or not. The two that are English verbs as well count only with a capital.
_MONTHS = (
    r"(?:(?i:jan(?:uary|uari|uar)?|feb(?:ruary|ruari|ruar)?|apr(?:il)?|june?|july?|aug(?:ust|ustus)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|märz|maart|okt(?:ober)?|dez(?:ember)?|juni|juli"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre"
    r"|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia)"
    r"|May|MAY|Mai|mei|Mar|March|MARCH|MAR)\b\.?"
)
_DAYS = (
    r"(?i:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
    r"|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|(?:segunda|terça|quarta|quinta|sexta)-feira"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|poniedziałek|wtorek|środa|czwartek|piątek|niedziela)"
)
_YEAR = r"(?:19|20)[0-9]{2}"
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_ORDINAL = rf"{_DAY}(?:st|nd|rd|th|er|º|ª|\.)?"
_TIME = r"(?:[01]?[0-9]|2[0-4])(?::[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?)"
_ZONE = r"(?:Z|[+\-][0-9]{2}:?[0-9]{2}| ?(?i:utc|gmt|[ceps][ds]?t))?"
_OF = r"(?: (?:of|de|di|del))?"

DATES = Alternation(
    {
        "iso": rf"\b(?P<iso>{_YEAR}[\-/.](?:{_MONTH})[\-/.]{_DAY}(?:[T ]{{1,2}}{_TIME}{_ZONE})?)\b",
        "numeric": (
            rf"\b(?P<numeric>{_DAY}[\-/.](?:{_DAY}|(?i:[a-z]{{3,9}}))[\-/.](?:{_YEAR}|[0-9]{{2}})"
            rf"(?:,? {_TIME}(?: ?(?i:[ap]\.?m))?)?)\b"
        ),
        "day_month": rf"\b(?P<day_month>{_ORDINAL}{_OF} {_MONTHS}(?:,?{_OF} {_YEAR})?)",
        "month_day": rf"\b(?P<month_day>{_MONTHS} {_DAY}(?:st|nd|rd|th)?(?:,? {_YEAR})?)\b",
        "month_year": rf"\b(?P<month_year>{_MONTHS},?{_OF} {_YEAR})\b",
        "weekday": rf"\b(?P<weekday>{_DAYS})\b",
        "year": (
            rf"(?i:\b(?:in|since|from|until|till|by|of|year|before|after|during|about|around|circa|and|to|desde|en|año"
            rf"|del?|seit|im|jahr|bis|depuis|année|nel|dal|anno|sinds|jaar|rok|roku|desde|ano|em|(?:graduated|expires"
            rf"|exp|born|made|built|founded|issued))[:,]?|[(,\-–]) ?(?P<year>{_YEAR})\b"
        ),
        "time": rf"\b(?P<time>{_TIME}(?: ?(?i:[ap]\.?m)\b\.?)?|(?:0?[1-9]|1[0-2]) ?(?i:[ap]\.?m)\b\.?)",
    }
)

_NUMERIC_MONTH = re.compile(r"[0-9]+")
_QUANTITY = re.compile(
    r"^(?:[.,:/\-][0-9]|[%$€£]| ?(?:[+*x×÷=/]|more\b|people\b|points?\b|miles?\b|km\b|dollars?\b|euros?\b))"
)

_TOP_LEVEL = (
    r"(?:com|org|net|edu|gov|info|biz|io|co|ai|app|dev|me|tv|uk|de|fr|es|it|nl|pl|pt|br|eu|us|ca|au|in|ch|at|be|se|no"
    r"|dk|fi|ie|jp|cn|ru|nz|za|mx)"
)
URLS = Alternation(
    {
        "url": rf"(?P<url>(?i:\b(?:https?|ftps?|wss?)://|\bwww\.){VALUE}{{3,}})",
        "domain": (
            rf"\b(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{{0,62}}[A-Za-z0-9])?\.){{1,5}}{_TOP_LEVEL}\b(?:/{VALUE}*)?)"
        ),
    }
)


def date_findings(view: str) -> list[Finding]:
    """Dates, weekdays, years behind a preposition and times of day: DATE_TIME."""
    found = []
    for branch, start, end in DATES.candidates(view):
        surface = view[start:end]
        around = view[end : end + 12]
        if (
            view[start - 1 : start].isalnum()
            or view[start - 1 : start] == ":"
            or around[:1].isalnum()
            or _QUANTITY.match(around)
        ):
            continue
        if branch == "numeric" and not _is_date(surface):
            continue
        found.append(_finding(view, start, end, "DATE_TIME", "date"))
    return found


def url_findings(view: str) -> list[Finding]:
    """Web addresses that hold nothing to hide in themselves: URL."""
    found = []
    for branch, start, end in URLS.candidates(view):
        end = start + len(view[start:end].rstrip(".,;:!?)]}*'"))
        before = view[start - 1 : start]
        if before.isalnum() or before in {"@", ".", "-", "_"} or (branch == "domain" and view[end : end + 1] == "@"):
            continue
        found.append(_finding(view, start, end, "URL", "url"))
    return found


def _is_date(surface: str) -> bool:
    """Day and month in either order, or a month's name between two numbers."""
    numbers = [int(number) for number in _NUMERIC_MONTH.findall(surface)[:2]]
    separators = {character for character in surface.split(" ")[0] if not character.isalnum()}
    named = any(character.isalpha() for character in surface.split(" ")[0])
    return len(separators) == 1 and (named or min(numbers) <= 12)


def _finding(view: str, start: int, end: int, kind: str, detector: str) -> Finding:
    surface = view[start:end]
    return Finding(start, end, kind, 0.6, detector, False, " ".join(surface.casefold().split()), surface)
