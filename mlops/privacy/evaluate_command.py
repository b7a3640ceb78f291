"""`mlops privacy evaluate` and `mlops privacy profiles`, as functions that `commands.py` mounts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.privacy.config import ENTITY_TYPES, LEFT_OUT, PROFILES, PURPOSES
from mlops.privacy.errors import PrivacyError

if TYPE_CHECKING:
    from mlops.privacy.evaluation import Evaluation, Label, Labelled, Measure, Minimum, Share, Verdict
    from mlops.privacy.other_finders import Finder, Names
    from mlops.privacy.spans import Finding

_TOGETHER = 10_000

_Minima = Annotated[list[str] | None, typer.Option(metavar="TYPE=LEAST", help="A gate, such as EMAIL_ADDRESS=0.95.")]


def evaluate(
    labelled: Annotated[Path, typer.Argument(metavar="LABELLED", help="JSONL: text and spans, one object a line.")],
    min_recall: _Minima = None,
    min_precision: _Minima = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Judge this type; for samples that do not label all.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help=f"Judge what this profile masks: {', '.join(PROFILES)}; all types by default.")
    ] = None,
    names: Annotated[str, typer.Option(help="How names are found: cues, or model (cues and a tagger).")] = "cues",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Recall, precision and false alarms on your own labelled sample, each with its Wilson interval at 95 %.

    A line of LABELLED is {"text": …, "spans": [{"start", "end", "type"}, …]}, offsets in code points. A labelled span
    is recalled when at least 80 % of its characters are found as the same type, covered when they are found as any
    type; a finding is right when at least half of it lies in labels of the same type. Texts without any label are
    clean: what is found in them is a false alarm.

    A gate passes when the lower end of the interval reaches it; a sample too small to prove it is inconclusive and
    does not pass. Exit code 10 when a gate does not pass, 20 on wrong input.
    """
    from mlops.privacy.evaluation import evaluate as count
    from mlops.privacy.evaluation import judge
    from mlops.privacy.labelled import read_labelled

    minima = [*_gates("recall", min_recall or ()), *_gates("precision", min_precision or ())]
    evaluation = count(_found(read_labelled(labelled), _known(profile), _finders(names)), frozenset(only or ()))
    verdicts = judge(evaluation, minima)
    if as_json:
        gates = [verdict.to_json() for verdict in verdicts]
        typer.echo(json.dumps({**evaluation.to_json(), "gates": gates}, allow_nan=False))
    else:
        typer.echo("\n".join([*_table(evaluation), *_gate_lines(verdicts)]))
    if any(verdict.answer != "PASS" for verdict in verdicts):
        raise typer.Exit(10)


def profiles(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object by profile.")] = False,
) -> None:
    """The profiles: what each is for and which entity types it masks, without the findings of which detectors."""
    known = {
        name: {"purpose": PURPOSES[name], "types": sorted(types), "left_out": sorted(LEFT_OUT[name])}
        for name, types in PROFILES.items()
    }
    if as_json:
        typer.echo(json.dumps(known))
        return
    for name, said in known.items():
        typer.echo(f"{name}\n  {said['purpose']}\n  types: {', '.join(said['types'])}")
        if said["left_out"]:
            typer.echo(f"  detectors left out: {', '.join(said['left_out'])}")


def _known(profile: str | None) -> str | None:
    if profile is None or profile in PROFILES:
        return profile
    raise PrivacyError(
        "PRIVACY-006",
        f"expected one of the profiles {', '.join(PROFILES)}, found another name",
        where="--profile",
        todo="choose one of them",
    )


def _finders(names: str) -> tuple[Finder, ...]:
    from mlops.privacy.other_finders import finders

    known: dict[str, Names] = {"cues": "cues", "model": "model"}
    if names not in known:
        raise PrivacyError(
            "PRIVACY-041",
            "expected cues or model, found another word",
            where="--names",
            todo="choose one of them",
        )
    return finders(known[names])


def _found(
    rows: Iterable[Labelled], profile: str | None, others: Sequence[Finder]
) -> Iterator[tuple[Sequence[Label], Sequence[Finding]]]:
    """Labels and findings of each text; texts are looked at together, which takes less time."""
    from mlops.privacy.detection import find_each
    from mlops.privacy.other_finders import joined

    types, left_out = (ENTITY_TYPES, frozenset()) if profile is None else (PROFILES[profile], LEFT_OUT[profile])
    rows = iter(rows)
    while batch := list(islice(rows, _TOGETHER)):
        texts = [row.text for row in batch]
        found = joined(find_each(texts, types, left_out=left_out), texts, others, types)
        for row, findings in zip(batch, found, strict=True):
            yield row.labels, findings


def _gates(measure: Measure, options: Iterable[str]) -> Iterator[Minimum]:
    from mlops.privacy.evaluation import Minimum

    for option in options:
        name, _, least = option.partition("=")
        try:
            share = float(least)
        except ValueError:
            share = 0.0
        if not name or not 0 < share < 1:
            raise PrivacyError(
                "PRIVACY-023",
                "expected TYPE=LEAST with a share above 0 and below 1, found something else",
                where=f"--min-{measure}",
                todo="write for example EMAIL_ADDRESS=0.95; no sample can prove 1",
            )
        yield Minimum(measure, name, share)


_COLUMN = "{:<22}{:>26}{:>26}{:>26}"


def _table(evaluation: Evaluation) -> Iterator[str]:
    yield _COLUMN.format("type", "recall", "covered", "precision")
    for name, score in evaluation.types.items():
        yield _COLUMN.format(name, *map(_cell, (score.recall, score.covered, score.precision)))
    alarms = evaluation.false_alarms
    low, high = alarms.interval
    if alarms.value is None:
        yield f"{evaluation.documents} texts, none of them without labels: nothing is known about false alarms"
        return
    yield (
        f"{evaluation.documents} texts; of {alarms.n} without labels {alarms.hits} were hit: "
        f"{1000 * alarms.value:.1f} per 1,000 ({1000 * low:.1f} to {1000 * high:.1f})"
    )


def _cell(share: Share) -> str:
    if share.value is None:
        return "–"
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f}–{high:.3f}) n={share.n}"


def _gate_lines(verdicts: Iterable[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        minimum, share = verdict.minimum, verdict.share
        line = f"{verdict.answer}: {minimum.measure} of {minimum.type}, at least {minimum.least:g}, {_cell(share)}"
        if verdict.answer == "INCONCLUSIVE":
            line += f"; to prove it takes at least {minimum.least_n} spans, without a miss"
        yield line
