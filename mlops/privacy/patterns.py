"""Linear-time patterns: RE2 alternations whose branches are named, each with one capturing group.

RE2 (Cox 2007, "Regular Expression Matching Can Be Simple And Fast") cannot backtrack, so no input can hold a detector
up. It has no look-around: what stands around a match is checked in Python on the few candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped,unused-ignore]

# A character that is part of a value: no space, no quote or bracket that ends one, no placeholder (see BLANK).
VALUE = r"[^\s\"'<>`\x{E000}]"

_LONG = 1 << 14
_WINDOW = 768
_MARGIN = 256


class Candidate(NamedTuple):
    """A match of one branch: its name and the span of its group in the view."""

    branch: str
    start: int
    end: int


@dataclass(frozen=True)
class Alternation:
    """Named branches, compiled at first use. The leftmost match wins; between branches, the earlier one."""

    branches: dict[str, str]

    @cached_property
    def _compiled(self) -> Any:
        return compile_pattern("|".join(f"(?:{source})" for source in self.branches.values()))

    def candidates(self, text: str) -> Iterator[Candidate]:
        """Every match in `text`, left to right, without overlap.

        A long text goes by windows: a branch that is still open (what might become an address) is followed to its end
        before a shorter match of another branch is told, which over one long word would take quadratic time.
        """
        return self._matches(text, 0, len(text)) if len(text) <= _LONG else self._by_windows(text)

    def _by_windows(self, text: str) -> Iterator[Candidate]:
        position = 0
        while position < len(text):
            reach = _LONG
            end = position
            for candidate in self._matches(text, position, reach):
                if candidate.start >= position + _LONG // 2:
                    break
                while candidate.end >= position + reach < len(text):
                    # Cut off by the window: once more, with a longer one.
                    position, reach = candidate.start, 2 * reach
                    candidate = next(self._matches(text, position, reach), candidate)
                yield candidate
                end = candidate.end
                if reach > _LONG:
                    break
            position = max(end, position + (_LONG // 2 if reach == _LONG else 1))

    def _matches(self, text: str, position: int, reach: int) -> Iterator[Candidate]:
        # One character of context, and a letter before it, keep ^ and \b from matching at the window's edge.
        context = "" if position == 0 else "q" + text[position - 1]
        shift = position - len(context)
        window = context + text[position : position + reach]
        for match in self._compiled.finditer(window, len(context)):
            start, end = match.span(match.lastindex)
            yield Candidate(match.lastgroup, shift + start, shift + end)

    def within(self, text: str, start: int, end: int) -> Iterator[Candidate]:
        """Every match in ``text[start:end]``; one that the end may have cut off is left out."""
        for candidate in self._matches(text, start, end - start):
            if candidate.end < end or end >= len(text):
                yield candidate

    def first(self, text: str, position: int) -> Candidate | None:
        """The leftmost match that starts at `position` or after it, and is at most `_MARGIN` long.

        The search goes by windows: the engine encodes the whole text at each call, so that asking for one match after
        another in a long text would take quadratic time.
        """
        while position < len(text):
            # One character of context, and a letter before it, keep ^ and \b from matching at the window's edge.
            context = "" if position == 0 else "q" + text[position - 1]
            window = context + text[position : position + _WINDOW]
            match = self._compiled.search(window, len(context))
            shift = position - len(context)
            last = position + _WINDOW >= len(text)
            if match is not None and (last or match.start() < len(context) + _WINDOW - _MARGIN):
                start, end = match.span(match.lastindex)
                return Candidate(match.lastgroup, shift + start, shift + end)
            if last:
                return None
            position += _WINDOW - _MARGIN
        return None


def compile_pattern(source: str) -> Any:
    """Compile with RE2, silently: RE2's own log would quote the pattern, and patterns may be built from values."""
    return re2.compile(source, _options())


def compile_bytes(source: str) -> Any:
    """The same for UTF-8 encoded text: offsets count bytes, and nothing is encoded again at each call."""
    return re2.compile(source.encode(), _options())


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    # A bound on the automaton's cache, not an allocation. Where it is too small the engine falls back to one that is
    # ten times slower, without a word.
    options.max_mem = 256 << 20
    return options


_LETTERS = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{M}"
_LABEL = rf"[{_LETTERS}0-9](?:[{_LETTERS}0-9\-]*[{_LETTERS}0-9])?"
_TOP_LEVEL = r"(?:xn--[A-Za-z0-9\-]{2,40}|[A-Za-z]{2,24}|\p{Cyrillic}{2,10})"
_WORD_TOP_LEVEL = (
    r"(?:com|org|net|edu|gov|info|biz|io|co|ai|uk|de|fr|es|it|nl|pl|pt|br|eu|us|ca|au|in|me|app|dev|hu|cz|sk|ro|bg|gr"
    r"|hr|si|rs|ua|ru|tr|ie|be|ch|at|lu|se|no|dk|fi|ee|lt|lv|mx|ar|cl|pe|nz|jp|cn|kr|tw|hk|sg|my|th|ph|id|vn|za|ng|ke)"
)
_AT = r"(?i:at|arroba|arobase|chiocciola|klammeraffe|apenstaartje|małpa)"
_DOT = r"(?i:dot|punto|punkt|point|ponto|punt|kropka)"
_BRACKETED_AT = rf" ?[\[({{<] ?(?:{_AT}|@) ?[\])}}>] ?"
_BRACKETED_DOT = rf" ?[\[({{<] ?{_DOT} ?[\])}}>] ?"
_MARKED_DOT = r" ?[\-_*]{1,2}(?i:dot)[\-_*]{1,2} ?"
_ANY_DOT = rf"(?: ?\.|  ?\. | ?[\[({{<] ?(?:{_DOT}|\.) ?[\])}}>] ?| {_DOT} )"
_LOCAL = r"[A-Za-z0-9._%+\-]"
_HANDLE_HOSTS = (
    r"(?:linkedin\.com/in|(?:twitter|x|instagram|facebook|fb|github|gitlab|pinterest|snapchat\.com/add|medium|vk)\.com"
    r"|t\.me|wa\.me|paypal\.me|(?:tiktok|youtube|medium|threads)\.(?:com|net)/@|bsky\.app/profile)"
)
_SECRET_PARAMETER = (
    r"(?i:access_token|id_token|refresh_token|token|api_?key|apikey|key|sig|signature|password|passwd|pwd|secret|auth"
    r"|code|x-amz-signature|session(?:id)?)"
)

_DIGITS = (
    r"(?P<digits>\+?\(?[0-9](?:(?: ?[\-.()/] ?){0,2} {0,2}[0-9]){6,}\)?"
    r"(?i: ?(?:x|ext\.?|extension) ?[0-9]{1,6})?)"
)

# Contact and device identifiers that have a shape of their own, and the raw runs of digits that verification sorts out.
STRUCTURED = Alternation(
    {
        "url_userinfo": rf"(?P<url_userinfo>(?i:https?|ftps?)://[^\s/@\"'<>\x{{E000}}]+@{VALUE}+)",
        "url_parameter": (
            rf"(?P<url_parameter>(?i:https?|wss?)://[^\s\"'<>?#\x{{E000}}]+[?#](?:[^\s\"'<>\x{{E000}}]*&)?"
            rf"{_SECRET_PARAMETER}={VALUE}{{6,}})"
        ),
        "url_handle": (
            rf"(?P<url_handle>(?:(?i:https?)://)?(?:www\.|m\.)?\b(?i:{_HANDLE_HOSTS})/?@?[A-Za-z0-9_.\-%+]{{2,60}}/?)"
        ),
        "email": rf"(?P<email>[{_LETTERS}0-9._%+'\-]+@(?:{_LABEL}\.)+{_TOP_LEVEL})",
        "email_words": (
            rf"(?P<email_words>[{_LETTERS}0-9._%+\-]+(?:{_BRACKETED_DOT}{_LOCAL}+)*{_BRACKETED_AT}"
            rf"{_LABEL}(?:{_ANY_DOT}{_LABEL})*{_ANY_DOT}{_TOP_LEVEL}"
            rf"|{_LOCAL}+(?: {_DOT} {_LOCAL}+)* {_AT} [A-Za-z0-9\-]+(?: {_DOT} [A-Za-z0-9\-]+)* {_DOT}"
            rf" (?i:{_WORD_TOP_LEVEL})\b"
            rf"|{_LOCAL}+(?:{_MARKED_DOT}{_LOCAL}+)* ?[\-_*]{{1,2}}(?i:at)[\-_*]{{1,2}} ?[A-Za-z0-9.]+"
            rf"(?:{_MARKED_DOT}[A-Za-z0-9]+)+)"
        ),
        # Half in words: what stands before it or in it has to tell that an address is meant.
        "email_spoken": (
            rf"(?P<email_spoken>{_LOCAL}+(?: \. {_LOCAL}+)* (?:{_AT}|@) ?(?:[A-Za-z0-9\-]+ ?\. ?)+"
            rf"(?i:{_WORD_TOP_LEVEL})\b|{_LOCAL}+@ ?(?:[A-Za-z0-9\-]+ ?\. ?)+(?i:{_WORD_TOP_LEVEL})\b)"
        ),
        "crypto": r"(?P<crypto>\b(?:bc1[a-z0-9]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-fA-F]{40})\b)",
        "ipv6": (
            r"(?P<ipv6>(?:[0-9A-Fa-f]{1,4})?(?::[0-9A-Fa-f]{0,4}){2,7}"
            r"(?:[0-9]{0,3}(?:\.[0-9]{1,3}){3})?)"
        ),
        "iban": r"(?P<iban>\b[A-Za-z]{2}[0-9]{2}(?:[ \-]?[A-Za-z0-9]){11,34})",
        "ipv4": r"(?P<ipv4>[0-9]{1,3}(?:\.[0-9]{1,3}){3,})",
        "digits": _DIGITS,
    }
)

# For a second look at what half an address in words was taken for, and was none.
UNSPOKEN = Alternation({name: source for name, source in STRUCTURED.branches.items() if name != "email_spoken"})

# The runs of digits alone, for a second look at a candidate of another branch that failed.
DIGITS = Alternation({"digits": _DIGITS})
