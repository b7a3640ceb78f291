"""Reads a generated support ticket and compares it with the expected one.

The answer's first line is the ticket, compact JSON with the keys of `TICKET_FIELDS`; the rest is the reply.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlops.evaluation.catalog import TICKET_FIELDS

_WORD = re.compile(r"\w+", re.UNICODE)


def parse_ticket(text: str) -> dict[str, str] | None:
    """The ticket in the first line of `text`, or None where that line is no ticket.

    A ticket is one JSON object with exactly the expected keys, each once, in any order, and a string for each.
    """
    line = text.split("\n", 1)[0].strip()
    try:
        found = json.loads(line, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != set(TICKET_FIELDS):
        return None
    return found if all(isinstance(value, str) for value in found.values()) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def reply_of(text: str) -> str:
    """Everything after the first line, without surrounding white space."""
    _, _, rest = text.partition("\n")
    return rest.strip()


def token_f1(prediction: str, reference: str) -> float:
    """Word overlap in [0, 1]: harmonic mean of precision and recall over lower-cased words with their counts.

    Two empty texts agree (1); an empty and a non-empty one do not (0). After Rajpurkar et al. 2016 (SQuAD), articles
    and punctuation inside words kept.
    """
    found, wanted = (Counter(_WORD.findall(text.lower())) for text in (prediction, reference))
    if not found or not wanted:
        return float(found == wanted)
    shared = (found & wanted).total()
    return 2 * shared / (found.total() + wanted.total())


def score_ticket(prediction: str, reference: str) -> Mapping[str, float]:
    """The ticket metrics of one answer, each in [0, 1].

    A prediction that is no ticket has every field wrong. Where the reference itself is no ticket nothing can be
    compared: all metrics except `valid_json` are NaN, which leaves the gate inconclusive.
    """
    wanted, found = parse_ticket(reference), parse_ticket(prediction)
    scores = {"valid_json": float(found is not None)}
    if wanted is None:
        missing = float("nan")
        return {**scores, "ticket_exact_match": missing, **_fields(lambda _: missing), "reply_f1": missing}
    match = _fields(lambda field: float(found is not None and found[field] == wanted[field]))
    exact = float(all(match.values()))
    return {
        **scores,
        "ticket_exact_match": exact,
        **match,
        "reply_f1": token_f1(*map(reply_of, (prediction, reference))),
    }


def _fields(value: Any) -> dict[str, float]:
    return {f"{field}_match": value(field) for field in TICKET_FIELDS}
