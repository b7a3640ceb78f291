"""Names of people, places and organisations in texts, by the trained model.

A text is tagged only sentence by sentence, and only where a sentence can hold a name: a capital letter that the start
of a sentence does not explain, a word of the name tables, or a word that announces a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlops.privacy.errors import PrivacyError
from mlops.privacy.names.features import CONTRACTED, Reader
from mlops.privacy.names.tables import load
from mlops.privacy.names.tokens import MOST_TOKENS, Token, sentences, tokens
from mlops.privacy.names.training import MODEL, lexicon
from mlops.privacy.normalisation import normalise
from mlops.privacy.spans import Finding

DETECTOR = "names-crf"
# Spans whose least certain word is less probable than this are left out. Companies look like products and brands, and a
# word without a capital among words with capitals is hardly ever a name.
LEAST_SCORES = {"PERSON": 0.4, "LOCATION": 0.5, "ORGANIZATION": 0.7}
LEAST_SCORE_SMALL = 0.92
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’\-](?=[^\W\d_]))*")
_REMEMBERED = 50_000
_NEVER = 2.0


class Tagger:
    """The model in memory; reading it takes a tenth of a second.

    Args:
        model: file that `training.train` wrote; the shipped one by default.

    Raises:
        PrivacyError: PRIVACY-040 when the file is missing or no model.
    """

    def __init__(self, model: Path | None = None) -> None:
        import pycrfsuite

        lexicon_ = lexicon(load())
        self._names = lexicon_.first | lexicon_.last | lexicon_.place | lexicon_.company
        self._worth: dict[str, bool] = {}
        self._remembered: dict[str, tuple[Finding, ...]] = {}
        self._tagger: Any = pycrfsuite.Tagger()
        path = Path(str(files("mlops.privacy.names") / MODEL)) if model is None else model
        try:
            self._tagger.open(str(path))
            weighed = frozenset(self._tagger.info().attributes)
        except (OSError, ValueError) as problem:
            raise PrivacyError(
                "PRIVACY-040",
                f"expected a names model, found {type(problem).__name__}",
                where=path.name,
                todo="train one with `mlops privacy train-names`, or leave `names` at cues",
            ) from None
        self._reader = Reader(lexicon_, weighed)

    def tag(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Findings of each text: PERSON, LOCATION or ORGANIZATION, sorted, without overlap.

        Offsets count code points of the text as given; the score is the marginal probability of the least certain
        word (0.4 to 1).
        """
        return [self._tag(text) for text in texts]

    def _tag(self, text: str) -> list[Finding]:
        view = normalise(text)
        found = [
            finding.moved(start + finding.start, start + finding.end)
            for start, end in sentences(view.text)
            for finding in self._sentence(view.text[start:end])
        ]
        return [finding.moved(*view.source(finding.start, finding.end)) for finding in found] if view.pieces else found

    def _sentence(self, sentence: str) -> tuple[Finding, ...]:
        """Chats repeat themselves, and masking looks twice at every text: what was found in a sentence is kept."""
        found = self._remembered.get(sentence)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            found = self._remembered[sentence] = tuple(self._look(sentence)) if self._may_hold(sentence) else ()
        return found

    def _may_hold(self, sentence: str) -> bool:
        """Whether any word is outside the vocabulary, or has a capital and is in a table of names."""
        worth = self._worth
        for word in _WORD.findall(sentence):
            answer = worth.get(word)
            if answer is None:
                if len(worth) >= _REMEMBERED:
                    worth.clear()
                low = word.casefold().removesuffix("'s")
                known = self._reader.knows(low)
                answer = worth[word] = not known or (word[0].isupper() and low in self._names)
            if answer:
                return True
        return False

    def _look(self, sentence: str) -> Iterator[Finding]:
        words = tokens(sentence)
        for first in range(0, len(words), MOST_TOKENS):
            yield from self._names_in(sentence, words[first : first + MOST_TOKENS])

    def _names_in(self, text: str, words: Sequence[Token]) -> Iterator[Finding]:
        capitals = any(word.text[0].isupper() and word.text != "I" for word in words)
        labels = self._tagger.tag(self._reader.attributes([word.text for word in words]))
        place = 0
        while place < len(labels):
            if labels[place] == "O":
                place += 1
                continue
            kind, last = labels[place][2:], place + 1
            while last < len(labels) and labels[last] == f"I-{kind}":
                last += 1
            score = min(self._tagger.marginal(labels[index], index) for index in range(place, last))
            if score >= self._least(words[place:last], kind, capitals):
                yield _finding(text, words[place].start, words[last - 1].end, kind, score)
            place = last

    def _least(self, words: Sequence[Token], kind: str, capitals: bool) -> float:
        """The probability that a span must reach; more than one where its words are plain words in small letters."""
        lows = [word.text.casefold() for word in words if word.text[0].isalpha()]
        if any(CONTRACTED.search(low) for low in lows):
            return _NEVER
        if capitals and all(word.text.islower() for word in words if word.text[0].isalpha()):
            plain = all(self._reader.knows(low) and low not in self._names for low in lows)
            return _NEVER if plain else LEAST_SCORE_SMALL
        return LEAST_SCORES[kind]


def _finding(text: str, start: int, end: int, kind: str, score: float) -> Finding:
    surface = text[start:end]
    canonical = " ".join(surface.casefold().replace(".", "").split())
    return Finding(start, end, kind, round(score, 4), DETECTOR, False, canonical, surface)


@cache
def shipped() -> Tagger:
    """The tagger with the model of the package, read once."""
    return Tagger()
