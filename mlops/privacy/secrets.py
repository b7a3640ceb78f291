"""Secrets: keys that carry their issuer's mark, and values that a cue such as `password:` announces."""

from __future__ import annotations

import re

from mlops.privacy.patterns import VALUE, Alternation
from mlops.privacy.spans import Finding
from mlops.privacy.vendor_keys import VENDOR
from mlops.privacy.words import PLAIN_AFTER_SECRET_CUE

_ASSIGN = r"[\"']?\s{0,3}(?::=|=>|:|=|\s(?:is|was|are|ist|es|est)(?:\s(?:now|set to|still))?\s?:?)\s{0,3}[\"']?"
# Letters and what is written for them where a cue hides from filters.
_A, _E, _O, _S, _T = "[a4@]", "[e3]", "[o0]", "[s5$]", "[t7]"
_PASS = f"p{_A}{_S}{_S}"
_PASSWORD = (
    rf"(?:{_PASS} ?w{_O}rd|{_PASS}wd|{_PASS}phr{_A}{_S}{_E}|{_PASS}c{_O}d{_E}|pwd|{_PASS}w{_O}r{_T}|contraseña"
    r"|mot de passe|clave de acceso|kennwort|has[łl]o|senha|wachtwoord)"
)
_SECRET = f"{_S}{_E}cr{_E}{_T}"
_TOKEN = f"{_T}{_O}k{_E}n"
_KEY = f"k{_E}y"
_KEYISH = (
    rf"(?:{_A}p[i1][_\- ]?(?:{_KEY}|{_TOKEN})|(?:access|{_SECRET}|private|auth|client|signing|encryption)[_\- ]?"
    rf"(?:{_KEY}|{_TOKEN}|{_SECRET})|{_SECRET}|{_TOKEN}|bearer|credential|session[_\- ]?id)"
)

CUED = Alternation(
    {
        "bearer": r"(?i:\b(?:bearer|basic) )(?P<bearer>[A-Za-z0-9._~+/=\-]{16,})",
        "password": rf"(?i:(?:\b|_){_PASSWORD}){_ASSIGN}(?P<password>{VALUE}{{4,}})",
        "keyish": rf"(?i:(?:\b|_|-){_KEYISH}){_ASSIGN}(?P<keyish>{VALUE}{{6,}})",
        "password_spoken": rf"(?i:\b{_PASSWORD}) [\"']?(?P<password_spoken>{VALUE}{{6,}})",
        "key_spoken": (
            r"(?i:\b(?:key|token|secret|clé|clave|schlüssel|llave|jeton)(?::| (?:is|est|es|ist))?) [\"']?"
            r"(?P<key_spoken>[A-Za-z0-9_\-.]{16,})"
        ),
        "pin": r"(?i:\bpin(?:[ _-]?(?:code|number))?[\"']?\s{0,3}(?::|=|\bis\b)\s{0,3}[\"']?)(?P<pin>[0-9]{4,8})\b",
        "card_code": (
            r"(?i:\b(?:cvv2?|cvc2?|cv2|card verification (?:code|value)|security code)\b[\"']?\s{0,3}(?:number)?"
            r"(?::|=|\bis\b|\s)\s{0,3}[\"']?)(?P<card_code>[0-9]{3,4})\b"
        ),
        "one_time_code": (
            r"(?i:\b(?:otp|one[\- ]time (?:code|password|pin)|verification code|2fa code|sms code|login code|"
            r"authentication code)\b[\"']?\s{0,3}(?::|=|\bis\b|\s)\s{0,3}[\"']?)(?P<one_time_code>[0-9]{4,8})\b"
        ),
    }
)

# What ends a sentence or closes a bracket. "!" and "?" are left on: they end many passwords.
_TRAILING = ".,;:)]}"


def vendor_findings(view: str) -> list[Finding]:
    """Keys whose shape proves them, connection URIs with a password, private keys, signed tokens."""
    found = []
    for branch, start, end in VENDOR.candidates(view):
        end = start + len(view[start:end].rstrip(_TRAILING if branch != "private_key" else " \n"))
        value = view[start:end]
        if branch == "connection_uri" and value[:4].lower() == "http":
            continue
        if branch == "model_api_key" and not any(character.isdigit() for character in value):
            continue
        found.append(Finding(start, end, "SECRET", 0.95, branch.replace("_", "-"), True, value, value))
    return found


def cued_findings(view: str) -> list[Finding]:
    """Values that a cue announces: passwords, tokens, PINs, card verification and one-time codes."""
    found = []
    for branch, start, end in CUED.candidates(view):
        value = view[start:end].rstrip(_TRAILING)
        if branch.startswith(("password", "key")) and not _secret_like(value, branch, view[max(0, start - 8) : start]):
            continue
        detector = branch.replace("_", "-") + "-cue"
        found.append(Finding(start, start + len(value), "SECRET", 0.75, detector, False, value, value))
    return found


def _secret_like(value: str, branch: str, before: str) -> bool:
    if len(value) < 4 or value.casefold() in PLAIN_AFTER_SECRET_CUE or value[0] in "<{[(":
        return False
    spoken = re.search(r"[:=]\s{0,3}[\"']?$", before) is None
    mixed = any(not character.isalpha() for character in value.strip("-'"))
    cased = value != value.lower() and value != value.capitalize()
    if branch.endswith("_spoken"):
        # Only a space parts cue and value: the value itself has to look like no word.
        digits = sum(character.isdigit() for character in value)
        return digits >= 1 and digits < len(value.strip("_-.")) and not value[0].isdigit()
    if branch == "password":
        return mixed or cased or not spoken
    return len(value) >= 8 and any(character.isdigit() for character in value)
