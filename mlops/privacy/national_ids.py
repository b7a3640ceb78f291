"""Identifiers that states, health services and makers of devices give out, each with its checksum and its cues.

One digit in ten passes a weak checksum, so a bare run of digits counts only where its cue stands beside it. An
identifier that a cue announces and whose checksum fails still counts, with a low score: people mistype their own.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

from mlops.privacy.patterns import Alternation
from mlops.privacy.spans import Finding
from mlops.privacy.validators import luhn
from mlops.privacy.words import plainly

_BEFORE = 48
_AFTER = 28
_CHECKED = 0.95
# Between a cue and its value: no other value, and no word that announces a telephone number.
_BROKEN = re.compile(
    r"[0-9][0-9 .\-/]{4,}|\b(?:tele)?phone|\btel\b|\bmobile|\bcall\b|\bfax\b|\bcell\b|\be-?mail|@", re.IGNORECASE
)


class Numeric(NamedTuple):
    """A kind of identifier that is digits only.

    Attributes:
        type: entity type.
        digits: how many.
        shape: how it is written, separators included.
        cue: the words that announce it.
        module: where python-stdnum checks it.
        bare: shape and checksum together are telling enough without a cue.
    """

    type: str
    digits: int
    shape: re.Pattern[str]
    cue: re.Pattern[str]
    module: str
    bare: bool = False


def _numeric(kind: str, groups: str, cue: str, module: str, bare: bool = False, separators: str = " .-") -> Numeric:
    """``groups``: sizes of the groups it is written in, as in ``3-3-4``; it may also be written in one piece."""
    sizes = [int(size) for size in groups.split("-")]
    joint = f"[{re.escape(separators)}]"
    grouped = joint.join(f"[0-9]{{{size}}}" for size in sizes)
    plain = "" if bare else f"|[0-9]{{{sum(sizes)}}}"
    return Numeric(kind, sum(sizes), re.compile(grouped + plain), re.compile(cue), module, bare)


_TAX = r"(?i:\btax[ \-]?(?:payer)?[ \-]?(?:id|number|no\b))"
_NUMERIC = (
    _numeric("US_NPI", "4-3-3", r"(?i:\bnpi\b|\bnational provider)", "npi"),
    _numeric("ABA_ROUTING_NUMBER", "4-4-1", r"(?i:\baba\b|\brouting\b|\brtn\b|\btransit number)", "us.rtn"),
    _numeric("US_EIN", "2-7", rf"\bF?EIN\b|(?i:\bein (?:number|no\b|is)|\bemployer id)|{_TAX}", "us.ein"),
    _numeric("UK_NHS", "3-3-4", r"(?i:\bnhs\b|\bnational health|\bhealth (?:service )?number)", "gb.nhs"),
    _numeric(
        "CA_SIN",
        "3-3-3",
        r"\bSIN\b|\bNAS\b|(?i:\bsin (?:number|no\b|is|:)|social insurance|assurance sociale)",
        "ca.sin",
    ),
    _numeric("IN_AADHAAR", "4-4-4", r"(?i:\baa?dh?aa?r\b|\buidai\b|\buid\b)", "in_.aadhaar"),
    _numeric("PL_PESEL", "6-5", r"(?i:\bpesel)", "pl.pesel"),
    _numeric("PL_NIP", "3-3-2-2", r"(?i:\bnip\b|identyfikacji podatkowej)", "pl.nip"),
    _numeric("PL_NIP", "3-2-2-3", r"(?i:\bnip\b|identyfikacji podatkowej)", "pl.nip"),
    _numeric("DE_TAX_ID", "2-3-3-3", rf"(?i:\bsteuer[\- ]?(?:id|nummer)|\bidnr\b|\btin\b)|{_TAX}", "de.idnr"),
    _numeric("NL_BSN", "4-2-3", r"(?i:\bbsn\b|\bburgerservice|\bsofi[\- ]?nummer)", "nl.bsn"),
    _numeric("NL_BSN", "3-3-3", r"(?i:\bbsn\b|\bburgerservice|\bsofi[\- ]?nummer)", "nl.bsn"),
    _numeric("PT_NIF", "3-3-3", r"(?i:\bnif\b|\bnipc\b|\bcontribuinte|identificação fiscal)", "pt.nif"),
    _numeric("BR_CPF", "3-3-3-2", r"(?i:\bcpf\b|\bcadastro de pessoa)", "br.cpf"),
    _numeric("BR_CNPJ", "2-3-3-4-2", r"(?i:\bcnpj\b)", "br.cnpj", separators="./- "),
    _numeric("FR_NIR", "1-2-2-2-3-3-2", r"(?i:\bs[ée]cu|\bnir\b|\binsee\b|\bcarte vitale)", "fr.nir"),
    _numeric("FR_NIR", "13-2", r"(?i:\bs[ée]cu|\bnir\b|\binsee\b|\bcarte vitale)", "fr.nir"),
    _numeric("IMEI", "2-6-6-1", r"(?i:\bimei|\bdevice (?:id|number)|\bhandset)", "imei"),
    _numeric("IMEI", "8-6-1", r"(?i:\bimei|\bdevice (?:id|number)|\bhandset)", "imei"),
    # Written like this they need no cue.
    Numeric("BR_CPF", 11, re.compile(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"), re.compile("CPF"), "br.cpf", True),
    Numeric(
        "BR_CNPJ",
        14,
        re.compile(r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}"),
        re.compile("CNPJ"),
        "br.cnpj",
        True,
    ),
    _numeric("FR_NIR", "1-2-2-2-3-3-2", "NIR", "fr.nir", bare=True, separators=" "),
    Numeric("IN_AADHAAR", 12, re.compile(r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}"), re.compile("UIDAI"), "in_.aadhaar", True),
)
_BY_DIGITS: dict[int, tuple[Numeric, ...]] = {
    count: tuple(one for one in _NUMERIC if one.digits == count) for count in {one.digits for one in _NUMERIC}
}

_LINK = r"[\"']?(?:\s{0,2}(?i:\b(?:is|ist|est|es|number|no|nr|num|code)\b\.?|:|=|#|-)){0,3}\s{0,2}[\"'#(]{0,2}"
_NO = r"(?:n(?:[o.°]{1,2}|[úu]m(?:ero)?\.?)? ?)"
_MONTH_LETTER = "[A-EHLMPR-Ta-ehlmpr-t]"
_FISCAL_DIGIT = "[0-9LMNP-Vlmnp-v]"

# Identifiers with letters in them, and numbers of clinical records behind their abbreviations.
IDENTIFIERS = Alternation(
    {
        "mac": (
            r"(?P<mac>\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b|\b(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}\b"
            r"|\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b)"
        ),
        "fiscal_code": (
            rf"(?P<fiscal_code>\b[A-Za-z]{{3}} ?[A-Za-z]{{3}} ?{_FISCAL_DIGIT}{{2}} ?{_MONTH_LETTER}"
            rf"{_FISCAL_DIGIT}{{2}} ?[A-Za-z]{_FISCAL_DIGIT}{{3}} ?[A-Za-z]\b)"
        ),
        "dni": r"(?P<dni>\b[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}[ \-]?[A-Za-z]\b)",
        "nie": r"(?P<nie>\b[XYZxyz][ \-]?[0-9]\.?[0-9]{3}\.?[0-9]{3}[ \-]?[A-Za-z]\b)",
        "nino": r"(?P<nino>\b[A-Za-z]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{2}[ \-]?[A-Da-d]\b)",
        "pan": r"(?P<pan>\b[A-Za-z]{5}[0-9]{4}[A-Za-z]\b)",
        "vin": r"(?P<vin>\b[A-HJ-NPR-Z0-9]{17}\b)",
        "nir": r"(?P<nir>\b[12] ?[0-9]{2} ?[0-9]{2} ?2[ABab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b)",
        "bic": (
            rf"(?i:\b(?:bic|swift(?:[ /\-]?(?:bic|code|address|:|is))+)(?:[ /\-](?:code|swift))?){_LINK}"
            r"(?P<bic>[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b"
        ),
        "vin_cued": rf"(?i:\b(?:vin|chassis|fahrgestell\w*|bastidor)){_LINK}(?P<vin_cued>[A-Za-z0-9]{{17}})\b",
        "collegiate": (
            rf"(?i:\b{_NO}(?:de )?col(?:\.|egiad[oa])?|\bcolegiad[oa](?: {_NO})?"
            r"|\bmedical licen[cs]e(?: (?:number|no))?|\bdea(?: (?:number|no))?)\s{0,2}[:#]?\s{0,3}"
            r"(?P<collegiate>(?:[A-Z]{2})?[0-9](?:[ \-/.]{0,2}[0-9]){3,12})\b"
        ),
        "record": (
            r"(?i:\b(?:nhc|nass|n\.?s\.?s|cipa?(?:[ \-]sns)?|nuhsa|nuss|mrn"
            rf"|(?:medical|health|hospital) (?:record|chart)(?: (?:number|no))?"
            rf"|(?:{_NO}(?:de )?)?(?:historia(?: cl[íi]nica)?|episodio|expediente|afiliaci[óo]n)"
            r"|dossier (?:m[ée]dical|patient)|patienten?(?:nummer|-?nr)|versicherten(?:nummer|-?nr)|cartella clinica"
            r"|prontu[áa]rio))[\"']?\s{0,2}(?i:n(?:o|°|\.|r|[úu]mero)?\b\.?)?\s{0,2}[:#=]?\s{0,3}[\"']?"
            r"(?P<record>(?:[A-Za-z]{1,6}-?)?[0-9](?:[ \-/.]{0,2}[0-9]){3,18})\b"
        ),
    }
)

_CUES = {
    "dni": re.compile(r"(?i:\bdni\b|\bnif\b|\bd\.n\.i|documento nacional)"),
    "nie": re.compile(r"(?i:\bnie\b|\bextranjer[oa])"),
    "nino": re.compile(r"(?i:\bnino?\b|\bnational insurance)"),
    "pan": re.compile(r"(?i:\bpan\b|\bpermanent account)"),
}
_TYPES = {
    "mac": "MAC_ADDRESS",
    "fiscal_code": "IT_FISCAL_CODE",
    "dni": "ES_NIF",
    "nie": "ES_NIE",
    "nino": "UK_NINO",
    "pan": "IN_PAN",
    "vin": "VIN",
    "vin_cued": "VIN",
    "nir": "FR_NIR",
    "bic": "BIC",
    "collegiate": "MEDICAL_LICENSE",
    "record": "ACCOUNT_NUMBER",
}
_MODULES = {"fiscal_code": "it.codicefiscale", "dni": "es.dni", "nie": "es.nie", "pan": "in_.pan", "nir": "fr.nir"}
# HM Revenue & Customs, National Insurance Manual NIM39110: letters and prefixes that are not given out.
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")
# ISO 3779; the check digit is the one of 49 CFR 565.15.
_VIN_VALUES = dict(
    zip(
        "ABCDEFGHJKLMNPRSTUVWXYZ0123456789", [*range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10), *range(10)], strict=True
    )
)
_DATE = re.compile(r"[0-9]{1,4}[./\-][0-9]{1,2}[./\-][0-9]{2,4}")
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def numeric_finding(view: str, start: int, end: int, digits: str, tally: Counter[tuple[str, bool]]) -> Finding | None:
    """What a run of digits of the view is among the identifiers of digits only, if it is one.

    Args:
        view: the whole normalised text.
        start, end: the run, with its separators.
        digits: the run without them.
        tally: counts (validator, accepted) for the report.
    """
    doubtful = None
    for one in _BY_DIGITS.get(len(digits), ()):
        if one.shape.fullmatch(view, start, end) is None:
            continue
        ahead = _cued(one.cue, view, start)
        if not (ahead or one.bare or one.cue.search(view[end : end + _AFTER].split("\n")[0])):
            continue
        valid = checked(one.module, digits)
        tally[one.module, valid] += 1
        name = one.type.casefold().replace("_", "-")
        if valid:
            return Finding(start, end, one.type, 0.95, name, True, digits, view[start:end])
        if ahead and doubtful is None:
            doubtful = Finding(start, end, one.type, 0.6, f"{name}-cue", False, digits, view[start:end])
    return doubtful


def identifier_findings(view: str) -> list[Finding]:
    """Identifiers with letters in them, and numbers of clinical records."""
    found = []
    for branch, start, end in IDENTIFIERS.candidates(view):
        surface = view[start:end]
        compact = "".join(character for character in surface if character.isalnum()).upper()
        cued = branch in _CUES and _cued(_CUES[branch], view, start)
        score = _score(branch, compact, surface, cued)
        if score:
            name = _TYPES[branch].casefold().replace("_", "-") if branch != "record" else "clinical-record"
            found.append(Finding(start, end, _TYPES[branch], score, name, score == _CHECKED, compact, surface))
    return found


def _score(branch: str, compact: str, surface: str, cued: bool) -> float:
    """0 for what is none; `_CHECKED` where a checksum or a structure holds that hardly anything else has."""
    digits = sum(map(str.isdigit, compact))
    if branch in {"collegiate", "record"}:
        return 0.92 * (digits >= (4 if branch == "collegiate" else 5) and _DATE.fullmatch(surface) is None)
    if branch == "mac":
        return _CHECKED if len(set(compact)) > 1 and any(character.isdigit() for character in compact) else 0.0
    if branch == "vin_cued":
        return _CHECKED if vin(compact) else 0.7 * (digits >= 4)
    if branch == "vin":
        return _CHECKED * (vin(compact) and compact[-4:].isdigit() and not compact.isdigit())
    if branch == "bic":
        return _CHECKED * checked("bic", compact)
    # In lower case the shorter shapes are too common in codes of all sorts.
    if not (cued or branch == "fiscal_code" or surface == surface.upper()):
        return 0.0
    valid = _NINO.fullmatch(compact) is not None if branch == "nino" else checked(_MODULES[branch], compact)
    return _CHECKED if valid else 0.6 * cued


def _cued(cue: re.Pattern[str], view: str, start: int) -> bool:
    window = plainly(view[max(0, start - _BEFORE) : start])
    ends = [match.end() for match in cue.finditer(window)]
    return bool(ends) and _BROKEN.search(window, ends[-1]) is None


@lru_cache(maxsize=4096)
def checked(module: str, compact: str) -> bool:
    """Whether python-stdnum's ``module`` accepts the number; ``npi`` is checked here."""
    if module == "npi":
        # The card issuer prefix 80840 of health applications counts into the check digit (45 CFR 162.406).
        return compact[0] in "12" and luhn("80840" + compact)
    return bool(import_module(f"stdnum.{module}").is_valid(compact))


def vin(compact: str) -> bool:
    """Vehicle identification number with the check digit that North America requires."""
    if len(compact) != 17 or any(character not in _VIN_VALUES for character in compact):
        return False
    total = sum(_VIN_VALUES[character] * weight for character, weight in zip(compact, _VIN_WEIGHTS, strict=True))
    return compact[8] == "0123456789X"[total % 11]
