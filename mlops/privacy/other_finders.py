"""Finders that run beside detection when a section asks for them, and how their findings join its own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from mlops.privacy.spans import Finding, resolve

Names = Literal["cues", "model"]
# Texts → findings of each of them, offsets in code points of the text as given.
Finder = Callable[[Sequence[str]], list[list[Finding]]]


def finders(names: Names) -> tuple[Finder, ...]:
    """What runs beside detection: nothing, or the shipped names model.

    Raises:
        PrivacyError: PRIVACY-040 when the model cannot be read. That is asked here, before any text is looked at.
    """
    if names == "cues":
        return ()
    from mlops.privacy.names.tagger import shipped

    return (shipped().tag,)


def joined(
    found: Sequence[list[Finding]],
    texts: Sequence[str],
    others: Sequence[Finder],
    types: Collection[str],
    allow: Collection[str] = frozenset(),
) -> list[list[Finding]]:
    """Findings of detection and of other finders, resolved text by text.

    Detection knows its findings by their form. Another finder's guess that overlaps one of them counts only where it
    says the same type; what is then left of the name is found once the other value is masked.

    Args:
        found: what detection found in each text.
        texts: the same texts.
        others: see `finders`.
        types: entity types to look for.
        allow: casefolded values that are public.
    """
    result = list(found)
    for other in others:
        for place, guesses in enumerate(other(texts)):
            wanted = [one for one in guesses if one.type in types and one.surface.casefold() not in allow]
            kept = [one for one in wanted if not _contradicted(one, found[place])]
            if kept:
                result[place] = resolve([*result[place], *kept])
    return result


def _contradicted(guess: Finding, found: Sequence[Finding]) -> bool:
    """Whether one of the findings, sorted and without overlap, says another type where the guess stands."""
    place = bisect_right(found, guess.start, key=lambda one: one.end)
    while place < len(found) and found[place].start < guess.end:
        if found[place].type != guess.type:
            return True
        place += 1
    return False
