"""What the tagger sees of a word: its form, its ends, what the tables know of it, and the words around it.

The identity of a word counts only where the word belongs to the vocabulary (ordinary words and the fixed words of the
templates), so that the model learns how names behave and not which names it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

_CACHED = 200_000
CONTRACTED = re.compile(r"(?:n['’]t|['’](?:ll|ve|re|d|m))$")
_ENDING = re.compile(r"(?:ier|iest|ily|ies|es|s|ied|ed|d|ing|ly|er|ers|est|ness|able|less|ful)$")


class Lexicon(NamedTuple):
    """What is known of words, all casefolded.

    Attributes:
        vocabulary: words that may count by their identity.
        first, last, place, company: single words of the name tables.
    """

    vocabulary: frozenset[str]
    first: frozenset[str]
    last: frozenset[str]
    place: frozenset[str]
    company: frozenset[str]


class _Word(NamedTuple):
    identity: str
    kind: str
    own: tuple[str, ...]
    around: tuple[tuple[str, ...], ...]


class Reader:
    """Turns words into attributes and remembers what it has worked out for each of them.

    Args:
        lexicon: what is known of words.
        weighed: the attributes that a model gives weight to; others are left out, as they would change nothing. None
            for all attributes, which training needs.
    """

    def __init__(self, lexicon: Lexicon, weighed: frozenset[str] | None = None) -> None:
        self.lexicon = lexicon
        self._weighed = weighed
        self._words: dict[tuple[str, bool, bool], _Word] = {}

    def attributes(
        self, words: Sequence[str], unknown: Collection[int] = (), unlisted: Collection[int] = ()
    ) -> list[list[str]]:
        """Attributes of each word of one sentence.

        Args:
            words: the sentence.
            unknown: places of words to be treated as outside the vocabulary (training only).
            unlisted: places of words to be treated as in no table (training only).
        """
        seen = [self._word(word, place in unknown, place in unlisted) for place, word in enumerate(words)]
        case = _case(words)
        padded = [_EDGE, _EDGE, *seen, _EDGE, _EDGE]
        weighed, rows = self._weighed, []
        for place in range(2, len(padded) - 2):
            before2, before, word, after, after2 = padded[place - 2 : place + 3]
            kind = word.kind
            pairs = [
                f"c{case}{kind}",
                f"a{before.kind}{kind}",
                f"b{kind}{after.kind}",
                f"d{before.identity}|{kind}",
                f"e{after.identity}|{kind}",
                f"f{before2.identity}|{before.identity}|{kind}",
                f"h{before.identity}|{kind}|{after.identity}",
            ]
            rows.append(
                [
                    *word.own,
                    *before2.around[0],
                    *before.around[1],
                    *after.around[2],
                    *after2.around[3],
                    *(pairs if weighed is None else [pair for pair in pairs if pair in weighed]),
                ]
            )
        return rows

    def _word(self, text: str, unknown: bool, unlisted: bool) -> _Word:
        key = (text, unknown, unlisted)
        found = self._words.get(key)
        if found is None:
            if len(self._words) >= _CACHED:
                self._words.clear()
            found = self._words[key] = self._describe(text, unknown, unlisted)
        return found

    def _describe(self, text: str, unknown: bool, unlisted: bool) -> _Word:
        low = text.casefold()
        known = self.knows(low) and not unknown
        listed = "" if unlisted else self._listed(low)
        shape = _shape(text)
        letters = text[:1].isalpha()
        identity = low if not letters or (known and low in self.lexicon.vocabulary) else "~" if known else "?"
        if text[:1].isdigit():
            identity = "0"
        kind = f"{shape}{'v' if known else ''}{listed}"
        own = [f"w{identity}", f"k{kind}"]
        if letters and not known:
            own += [f"z3{low[-3:]}", f"z2{low[-2:]}", f"p2{low[:2]}", f"p3{low[:3]}", f"l{min(len(low), 9)}"]
        around = ((f"{offset}w{identity}", f"{offset}k{kind}") for offset in ("-2", "-1", "+1", "+2"))
        return _Word(identity, kind, self._kept(own), tuple(self._kept(neighbour) for neighbour in around))

    def _kept(self, attributes: Iterable[str]) -> tuple[str, ...]:
        weighed = self._weighed
        return tuple(one for one in attributes if weighed is None or one in weighed)

    def knows(self, low: str) -> bool:
        """Whether a casefolded word is in the vocabulary, as it stands, contracted or with an English ending."""
        vocabulary = self.lexicon.vocabulary
        if low in vocabulary or CONTRACTED.search(low):
            return True
        match = _ENDING.search(low)
        if match is None:
            return False
        stem = low[: match.start()]
        doubled = len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in vocabulary
        return len(stem) > 2 and (stem in vocabulary or stem + "e" in vocabulary or stem + "y" in vocabulary or doubled)

    def _listed(self, low: str) -> str:
        lexicon = self.lexicon
        return "".join(
            letter
            for letter, table in (
                ("F", lexicon.first),
                ("L", lexicon.last),
                ("P", lexicon.place),
                ("G", lexicon.company),
            )
            if low in table
        )


_EDGE = _Word("^", "^", (), tuple((f"{offset}^",) for offset in ("-2", "-1", "+1", "+2")))


def _shape(text: str) -> str:
    first = text[:1]
    if first.isdigit():
        return "0"
    if not first.isalpha():
        return "."
    if len(text) == 1:
        return "I" if first.isupper() else "i"
    if text.isupper():
        return "U"
    if first.isupper():
        return "T" if text[1:].islower() else "M"
    return "l" if first.islower() else "o"


def _case(words: Sequence[str]) -> str:
    """Whether capitals tell anything in this sentence: none (l), all (U), nearly every word begins with one (T)."""
    letters = [word for word in words if word[:1].isalpha()]
    large = sum(word[:1].isupper() for word in letters)
    if not large:
        return "l"
    if all(word.isupper() for word in letters):
        return "U" if len("".join(letters)) > 1 else "m"
    return "T" if len(letters) > 3 and large >= 0.8 * len(letters) else "m"
