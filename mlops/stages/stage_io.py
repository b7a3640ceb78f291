"""What goes into a stage and what comes out of it: the contract of every ``run(context)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StageContext:
    """All that a stage may know.

    Attributes:
        use_case: name of the use case.
        run: id of the run; must not reach the output.
        attempt: id of this try; must not reach the output.
        use_case_file: the declaration's file, for the stage that embeds it.
        root: the checkout, for files that the use case names by relative path.
        sections: the parts of the use case that :class:`mlops.pipeline.Stage` declares for this stage.
        inputs: verified artifact folders by upstream stage.
        digests: digests of those artifacts.
        pins: what the run fixed at its start, restricted to what the stage declares.
        output: fresh, empty folder; sealed when ``run`` returns.
        attempt_dir: log, series and measurements of this try.
        checkpoints: folder that outlives the attempt, private to this stage key.
        threads: CPU threads to use.
        progress: ``progress(done, total or None, what)``; cheap, call it often.
        should_stop: True once the process was asked to end; a graceful stage saves and raises.
    """

    use_case: str
    run: str
    attempt: str
    use_case_file: Path
    root: Path
    sections: Mapping[str, Any]
    inputs: Mapping[str, Path]
    digests: Mapping[str, str]
    pins: Mapping[str, Any]
    output: Path
    attempt_dir: Path
    checkpoints: Path
    threads: int
    progress: Callable[[int, int | None, str], None]
    should_stop: Callable[[], bool]


@dataclass(frozen=True)
class Record:
    """An event that belongs to the outcome; the runner appends it, once per run, also when the stage is a hit."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class StageOutcome:
    """What a stage says of its output. Everything but ``measurements`` is sealed, so it must be deterministic.

    Attributes:
        rows_in: rows read, or None when the stage does not read rows.
        rows_out: rows passed on.
        figures: small JSON object: counts, shares, scores. Never a data value.
        blocked: reason why the run must not go on, or None.
        records: events to append beside ``stage_done``.
        measurements: times, sizes and costs of this attempt; outside the digest.
    """

    rows_in: int | None
    rows_out: int | None
    figures: Mapping[str, Any]
    blocked: str | None = None
    records: tuple[Record, ...] = ()
    measurements: Mapping[str, Any] = field(default_factory=dict)
