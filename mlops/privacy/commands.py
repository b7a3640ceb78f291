"""`mlops privacy`: find and mask personal data in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.status import Status

from mlops.privacy.config import ENTITY_TYPES, PROFILES, PrivacySection
from mlops.privacy.errors import PrivacyError
from mlops.privacy.evaluate_command import evaluate, profiles
from mlops.privacy.keys import KeyRing
from mlops.privacy.names.command import train_names
from mlops.privacy.other_finders import Names
from mlops.privacy.vault_command import key, reveal

app = typer.Typer(help="Find and mask personal data and secrets.", no_args_is_help=True)
app.command()(evaluate)
app.command()(profiles)
app.command()(reveal)
app.command()(key)
app.command("train-names")(train_names)

_NAMED_PROFILES = [name for name in PROFILES if name != "own"]
_Field = Annotated[str, typer.Option("--field", help="The field that holds the text, or the chat messages.")]
_Names = Annotated[str, typer.Option("--names", help="How names are found: cues, or model (cues and a tagger).")]
_NAMES: dict[str, Names] = {"cues": "cues", "model": "model"}
_T = TypeVar("_T")
_NAMED = 10
_TOGETHER = 2_000


@app.command()
def detect(
    file: Annotated[Path, typer.Argument(help="A JSONL, CSV, Parquet or plain text file.")],
    field: _Field = "text",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row.")] = False,
    names: _Names = "cues",
) -> None:
    """Show where each row holds personal data or secrets: offsets and types, never the values.

    Offsets count code points of the text as given. A row of chat messages has one list of spans per text.
    """
    from mlops.privacy.detection import find_each
    from mlops.privacy.other_finders import finders, joined
    from mlops.privacy.text_rows import read_text_rows

    others = finders(_known_names(names))
    for rows in _batched(read_text_rows(file, field)):
        texts = [text for row in rows for _, text in row.parts]
        found = iter(joined(find_each(texts), texts, others, ENTITY_TYPES))
        for row in rows:
            spans = [finding.span() for _ in row.parts for finding in next(found)]
            if as_json:
                said: dict[str, Any] = {"row": row.number, "spans": [asdict(span) for span in spans]}
                typer.echo(json.dumps(said if row.reason is None else {**said, "unreadable": row.reason}))
                continue
            for span in spans:
                typer.echo(f"{row.number}\t{span.start}\t{span.end}\t{span.type}\t{span.score:.2f}\t{span.detector}")


@app.command()
def mask(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A JSONL, CSV, Parquet or plain text file.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Where the masked rows go, in the same format.")],
    field: _Field = "text",
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(_NAMED_PROFILES)}, or a YAML file.")] = "gdpr",
    key_file: Annotated[Path | None, typer.Option(help="Keys, mode 0600; MLOPS_PRIVACY_KEY by default.")] = None,
    dataset: Annotated[str, typer.Option(help="Datasets of one name and key share tokens and surrogates.")] = "",
    report: Annotated[Path | None, typer.Option(help="Where the report goes, as JSON.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to work in; the output is the same.")] = 1,
    max_left_out: Annotated[int, typer.Option(min=0, help="Rows that may be left out before this is a failure.")] = 0,
    names: _Names = "cues",
) -> None:
    """Mask one field of every row: a text, or a list of chat messages. Other fields stay as they are.

    Rows that cannot be masked are left out and named by their number. Exit code 10 when more are left out than
    --max-left-out, or when the re-scan of the masked rows still finds something.
    """
    from mlops.artifacts import canonical_json, write_atomic
    from mlops.privacy.keys import require_apart
    from mlops.privacy.mask_file import mask_file

    if key_file is not None:
        require_apart(key_file, source, output)

    section, ring = _section(profile, names, dataset, key_file)
    if source.resolve() == output.resolve():
        raise PrivacyError(
            "PRIVACY-005",
            "expected two files, found the same one for input and output",
            where=output.name,
            todo="name another output file; the input is kept as it is",
        )
    with Status("masking", console=Console(stderr=True)) as status:
        done = mask_file(
            source,
            output,
            field,
            section,
            ring=ring,
            workers=workers,
            progress=lambda rows: status.update(f"{rows} rows masked"),
        )
    found = done.report
    if report is not None:
        left_out = [{"row": number, "reason": reason} for number, reason in done.refused]
        write_atomic(report, canonical_json({**found.to_json(), "left_out": left_out}))
    _summarise(found.rows_out, found.rows_quarantined, found.masked_total)
    for number, reason in done.refused[:_NAMED]:
        typer.echo(f"row {number} was left out: {reason}", err=True)
    if found.rows_quarantined > max_left_out:
        typer.echo(f"blocked: {found.rows_quarantined} rows were left out, {max_left_out} allowed", err=True)
    if not found.within_tolerance:
        typer.echo(f"blocked: {found.residual_total} findings are left after masking", err=True)
    if found.rows_quarantined > max_left_out or not found.within_tolerance:
        raise typer.Exit(10)


def _batched(rows: Iterable[_T]) -> Iterator[list[_T]]:
    """Lists of rows that are looked at together."""
    left = iter(rows)
    while batch := list(islice(left, _TOGETHER)):
        yield batch


def _known_names(names: str) -> Names:
    if names in _NAMES:
        return _NAMES[names]
    raise PrivacyError(
        "PRIVACY-041",
        "expected cues or model, found another word",
        where="--names",
        todo="choose one of them",
    )


def _section(profile: str, names: str, dataset: str, key_file: Path | None) -> tuple[PrivacySection, KeyRing | None]:
    """The section that the options make, and the keys, where the profile needs one."""
    from mlops.privacy.keys import load_keys
    from mlops.privacy.profile_file import is_profile_file, load_profile

    own = load_profile(Path(profile)) if is_profile_file(profile) else None
    if own is None and profile not in _NAMED_PROFILES:
        raise PrivacyError(
            "PRIVACY-006",
            f"expected one of the profiles {', '.join(_NAMED_PROFILES)} or a .yaml file, found another name",
            where="--profile",
            todo="choose one of them",
        )
    said: dict[str, Any] = {"profile": profile if own is None else "own", "own": own, "dataset": dataset}
    said["names"] = _known_names(names)
    keyed = PrivacySection.model_construct(None, **said).keyed
    ring = load_keys(key_file) if keyed else None
    return PrivacySection.model_validate({**said, "key_id": None if ring is None else ring.newest.id}), ring


def _summarise(rows_out: int, quarantined: int, replaced: int) -> None:
    typer.echo(f"{rows_out} rows written, {replaced} values replaced, {quarantined} rows quarantined", err=True)
