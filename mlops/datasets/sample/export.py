"""The export of a support desk, row by row, as it would lie in a JSONL file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from mlops.datasets.errors import DatasetError
from mlops.datasets.sample import defects
from mlops.datasets.sample.conversation import talk
from mlops.datasets.sample.scenario import Scenario, draw_scenario

SOURCES: tuple[str, ...] = ("email", "chat", "phone", "forum")
_SOURCE_WEIGHTS = (36, 36, 14, 14)
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 180
_FOLLOW_UP = 0.08
_REMEMBERED = 400


@dataclass(frozen=True)
class SampleRow:
    """A raw row with the truth about it that an export would not carry.

    `defect` is `clean` or a key of `defects.SHARES`; `scenario` holds the personal data that was written into the
    talk (for a duplicate it is the scenario that the row would have had, not the one it repeats).
    """

    row: defects.Row
    defect: str
    scenario: Scenario


def generate_labelled(rows: int, seed: int) -> Iterator[SampleRow]:
    """Yield `rows` raw rows with their truth. Row i depends on `seed` and the rows before it only: a longer sample
    starts with the shorter one.

    Raises:
        DatasetError: DATASET-008 for a negative number of rows.
    """
    if rows < 0:
        raise DatasetError(
            "DATASET-008", f"expected 0 rows or more, found {rows}", todo="pass a positive number of rows"
        )
    return _labelled(rows, seed)


def _labelled(rows: int, seed: int) -> Iterator[SampleRow]:
    earlier: deque[defects.Row] = deque(maxlen=_REMEMBERED)
    conversation, scenario = "", None
    for number in range(rows):
        # A string seed goes through SHA-512 and so does not depend on PYTHONHASHSEED.
        rng = Random(f"support_triage:{seed}:{number}")
        follow_up = rng.random() < _FOLLOW_UP
        if scenario is not None and follow_up:
            scenario = draw_scenario(rng, language=scenario.book.language, person=scenario.person)
        else:
            scenario, conversation = draw_scenario(rng), f"c{number:06d}"
        row = _row(number, conversation, scenario, rng)
        defect = defects.draw_defect(rng) if earlier else "clean"
        yield SampleRow(_with_defect(row, defect, rng, earlier), defect, scenario)
        if defect == "clean":
            earlier.append(row)


def _row(number: int, conversation: str, scenario: Scenario, rng: Random) -> defects.Row:
    moment = _FIRST_DAY + timedelta(seconds=rng.randrange(_DAYS * 86_400))
    zone = timezone(timedelta(hours=rng.choice((0, 0, 1, 2, -5))))
    return {
        "id": f"m{number:06d}",
        "conversation": conversation,
        "source": rng.choices(SOURCES, _SOURCE_WEIGHTS)[0],
        "language": scenario.book.language,
        "created_at": moment.astimezone(zone).isoformat().replace("+00:00", "Z"),
        "messages": talk(scenario, rng),
    }


def _with_defect(row: defects.Row, defect: str, rng: Random, earlier: deque[defects.Row]) -> defects.Row:
    if defect == "exact_duplicate":
        return defects.exact_duplicate(rng.choice(earlier), row, rng)
    if defect == "near_duplicate":
        return defects.near_duplicate(rng.choice(earlier), row, rng)
    if defect == "junk":
        return defects.junk(row, rng)
    if defect == "wrong_type":
        return defects.wrong_type(row, rng)
    if defect == "contract":
        return defects.break_contract(row, rng, earlier)
    return row
