"""Names that a cue announces: introductions, salutations, signatures, titles, form fields.

Names without a cue need a trained tagger and are out of reach of rules; nothing here claims otherwise.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mlops.privacy.normalisation import BLANK
from mlops.privacy.patterns import Alternation
from mlops.privacy.spans import Finding
from mlops.privacy.words import NAMES_AND_WORDS, NOT_NAMES, PARTICLES

_TOKEN = r"(?:\p{Lu}\.|\p{L}[\p{L}\p{M}'\-]*)"
_WORDS = rf"{_TOKEN}(?: {_TOKEN}){{0,5}}"
_CAPITAL = rf"(?:\p{{Lu}}\.|\p{{Lu}}[\p{{L}}\p{{M}}'\-]*)(?: {_TOKEN}){{0,4}}"
_TITLE = r"(?:mr|mrs|ms|miss|mx|dr|prof|professor|herr|frau|mme|monsieur|madame|sig|señora?|sra?)\b\.?"

PERSONS = Alternation(
    {
        "introduction": (
            rf"(?i:\b(?:my|the|his|her|whose|caller'?s?|patient'?s?|customer'?s?) (?:full |first |last |real |legal )?"
            rf"name(?: is|'s|:)|\bname is|\bi am called|\bi'm called|\bmein name ist|\bich hei(?:ß|ss)e|\bje m'appelle"
            rf"|\bmon nom est|\bmi nombre es|\bme llamo)(?: (?i:{_TITLE}))? (?P<introduction>{_WORDS})"
        ),
        "field": (
            r"(?i:(?:\b|_)(?:full|first|last|middle|given|family|sur|customer|user|contact|account|card|recipient|sender"
            r"|patient|employee|guest|passenger|caller|agent|driver|holder)?[ _\-]?"
            rf"(?:name|cardholder|account holder|card holder|passenger|recipient))[\"']?\s{{0,2}}[:=]\s{{0,4}}[\"']?"
            rf"(?:(?i:{_TITLE}) )?(?P<field>{_CAPITAL})"
        ),
        "behalf": (
            r"(?i:\bon behalf of|\b(?:booked|registered|ordered|placed|made) under|\bunder the name(?: of)?"
            r"|\bin the name of|\b(?:account ?|card ?)holder(?: is)?|\bcall me|\bask for|\battention of|\battn[.:]?)"
            rf" (?:(?i:{_TITLE}) )?(?P<behalf>{_CAPITAL})"
        ),
        "greeting": (
            rf"(?:(?:^|\n)\s{{0,4}}|[.!?] )(?i:dear|hi|hello|hey|good (?:morning|afternoon|evening)|hallo|bonjour|hola)"
            rf",? (?:(?i:{_TITLE}) )?(?P<greeting>{_CAPITAL})"
        ),
        "first_person": rf"(?i:\bi'm|\bi am|\bim) (?:(?i:{_TITLE}) )?(?P<first_person>{_CAPITAL})",
        "this_is": (
            rf"(?i:\bthis is|\bit's|\bit is|\bhier (?:ist|spricht)|\bici|\bsoy) (?:(?i:{_TITLE}) )?"
            rf"(?P<this_is>{_CAPITAL})"
        ),
        "signature": (
            r"(?i:\b(?:regards|sincerely|cheers|thanks|thank you|thx|best|yours(?: truly)?|wishes|greetings|signed"
            r"|grüßen?|gruß|danke?|merci|cordialement|saludos|gracias|atentamente|(?:nice|good|great) (?:day|evening"
            r"|weekend)|in advance|hear from you|for your (?:answer|reply|time)|(?:answer|reply|help|write back) soon))"
            rf"(?: [a-z]{{1,9}}){{0,5}}(?: ?[,!.\-]{{1,2}}\s{{0,4}}|\s{{1,4}})(?:(?i:{_TITLE}) )?"
            rf"(?P<signature>{_CAPITAL})"
        ),
        "title": rf"\b(?i:{_TITLE}) (?P<title>{_CAPITAL})",
        "speaking": (
            r"\b(?P<speaking>\p{Lu}[\p{L}\p{M}'\-]+(?: \p{Lu}[\p{L}\p{M}'\-]+){0,2}) (?i:speaking|writing|here)\b"
        ),
    }
)

_TALK = re.compile(
    r"\b(?:i|i'm|my|me|our|please|speak|spoke|talk|dear|customer|client|patient|agent|phone|email|appointment|complaint|"
    r"contact(?:ed)?|invoice|account)\b",
    re.IGNORECASE,
)
_THING_NAME = re.compile(
    r"\b(?:hote\w?|event|product|company|file|brand|model|movie|film|song|place|restaurant|store|shop|domain|host|app|"
    r"street|city|project|team|device|network|bank)(?:'s)? name is $",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(r"^(?:\s*[,.!?;)\"\n]|\s*$| (?:from|and|here|speaking|with|calling|at|of)\b)")
_LINE_END = re.compile(r"^[.,!]?\s*(?:\n|$|\"|" + BLANK + ")")
_GREETING_END = re.compile(r"^\s*(?:[,!.\n:;\-]|$)")


class _Rule(NamedTuple):
    score: float
    lower: bool = False  # the cue is so strong that a lower-case name counts
    single: re.Pattern[str] | None = None  # what must follow a name of one word; None: nothing need follow
    always: bool = False  # the follower is needed for names of any length


_RULES: dict[str, _Rule] = {
    "introduction": _Rule(0.85, lower=True),
    "field": _Rule(0.8, single=re.compile(r"^\s*(?:[\",.;\n]|$)")),
    "behalf": _Rule(0.75),
    "greeting": _Rule(0.65, single=_GREETING_END, always=True),
    "first_person": _Rule(0.7, single=_FOLLOWS),
    "this_is": _Rule(0.7, single=re.compile(r"^(?: (?:speaking|from|here|calling)\b)")),
    "signature": _Rule(0.7, single=_LINE_END, always=True),
    "title": _Rule(0.8),
    "speaking": _Rule(0.65),
}

# Behind these cues a name in capitals cannot be told from a text in capitals ("AWFUL WEATHER HERE").
_SHOUTED = frozenset({"first_person", "this_is", "greeting", "speaking"})


def person_findings(view: str) -> list[Finding]:
    """Names behind a cue: PERSON, without the title. One-word names need more than the cue where the cue is weak."""
    found = []
    position, talk = 0, None
    while (candidate := PERSONS.first(view, position)) is not None:
        branch, start, end = candidate
        rule = _RULES[branch]
        if branch == "title" and talk is None:
            # Asked once for the whole text: a text may hold thousands of titles.
            talk = _TALK.search(view) is not None
        length, words = _name_length(view[start:end], rule.lower)
        end = start + length
        accepted = words > 0 and _allowed(view, start, end, words, branch, rule, talk)
        # The words after a cue that found no name may be the next cue ("I'm Angry and my name is Bob").
        position = max(end if accepted else start, position + 1)
        if not accepted:
            continue
        surface = view[start:end]
        canonical = " ".join(surface.casefold().replace(".", "").split())
        found.append(
            Finding(start, end, "PERSON", rule.score, f"person-{branch.replace('_', '-')}", False, canonical, surface)
        )
    return found


def _name_length(text: str, lower: bool) -> tuple[int, int]:
    """How many characters and words at the start of `text` make a name: capitalised words, particles inside."""
    length = words = position = 0
    for token in text.split(" "):
        bare = token.strip(".'-")
        position += len(token) + 1
        if bare.casefold() in PARTICLES and (words or bare[:1].isupper()) and len(token) == len(bare):
            continue
        if not _is_name_word(bare) and not (lower and words == 0 and _is_named_so(bare)):
            break
        words += 1
        length = position - 1 - _tail(token)
        if words == 4 or (token.endswith(".") and len(bare) > 1):
            break
    return length, words


def _tail(token: str) -> int:
    """Characters at the end of a word that are no part of the name: a possessive, a full stop after a word."""
    if token.casefold().endswith("'s"):
        return 2
    return 0 if len(token) == 2 and token[1] == "." else len(token) - len(token.rstrip(".'-"))


def _is_name_word(word: str) -> bool:
    base = word.casefold().removesuffix("'s")
    return word[:1].isupper() and base not in NOT_NAMES and "'" not in base[2:-1] and not base.startswith("i'")


def _is_named_so(word: str) -> bool:
    """Whether a word can be a name right after "my name is": in lower case, or a word that is a name as well (Will)."""
    known = word.istitle() and word.casefold() in NAMES_AND_WORDS
    return len(word) >= 2 and (known or word.casefold() not in NOT_NAMES) and "'" not in word[2:]


def _allowed(view: str, start: int, end: int, words: int, branch: str, rule: _Rule, talk: bool | None) -> bool:
    name, after = view[start:end], view[end : end + 16]
    if branch == "field" and not _is_person_field(view, start, words):
        return False
    if branch == "title" and words == 1 and not talk:
        # A bare "Mr. Jones" in a story or a sum is nobody in particular.
        return False
    if branch == "introduction" and _THING_NAME.search(view[max(0, start - 28) : start]):
        return False
    if name.isupper() and (branch in _SHOUTED or (branch == "signature" and words == 1)):
        return False
    if (
        branch == "signature"
        and words == 1
        and view[start - 1 : start] == " "
        and view[start - 2 : start - 1].isalnum()
    ):
        # "Thanks Anna" is said to Anna as often as by her; two words, a stop or a new line make it a signature.
        return False
    if len(name) < 2:
        return False
    if rule.single is not None and (rule.always or words == 1):
        return rule.single.match(after) is not None
    return True


def _is_person_field(view: str, start: int, words: int) -> bool:
    """`name` alone may name a product or a tool: there it takes two words; `customer_name` takes one."""
    label = re.search(
        r"([A-Za-z]*)[ _\-]?(?:name|holder|passenger|recipient)[\"']?\s{0,2}[:=][^:=]{0,12}$",
        view[max(0, start - 48) : start],
        re.IGNORECASE,
    )
    qualified = label is not None and label.group(1).casefold() not in {"", "product", "file", "item", "tool"}
    return qualified or words >= 2
