"""`mlops privacy`: find and mask personal data in JSONL files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlops.privacy.config import PROFILES, PrivacySection
from mlops.privacy.errors import PrivacyError

app = typer.Typer(help="Find and mask personal data and secrets.", no_args_is_help=True)

_Field = Annotated[str, typer.Option("--field", help="The field that holds the text.")]


@app.command()
def detect(
    file: Annotated[Path, typer.Argument(help="A JSONL file.")],
    field: _Field = "text",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row.")] = False,
) -> None:
    """Show where each row holds personal data or secrets: offsets and types, never the values."""
    from mlops.privacy.detection import detect as detect_spans
    from mlops.privacy.jsonl import read_rows

    for index, row in enumerate(read_rows(file, field)):
        spans = detect_spans(row[field])
        if as_json:
            typer.echo(json.dumps({"row": index, "spans": [asdict(span) for span in spans]}))
            continue
        for span in spans:
            typer.echo(f"{index}\t{span.start}\t{span.end}\t{span.type}\t{span.score:.2f}\t{span.detector}")


@app.command()
def mask(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A JSONL file.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Where the masked rows go.")],
    field: _Field = "text",
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")] = "gdpr",
    report: Annotated[Path | None, typer.Option(help="Where the report goes, as JSON.")] = None,
) -> None:
    """Mask one field of every row. Rows that cannot be masked are left out; other fields stay as they are.

    Exit code 10 when the re-scan of the masked rows still finds something.
    """
    from mlops.artifacts import canonical_json, write_atomic
    from mlops.privacy.jsonl import as_table, read_rows
    from mlops.privacy.masking import mask_table

    section = _section(profile)
    if source.resolve() == output.resolve():
        raise PrivacyError(
            "PRIVACY-005",
            "expected two files, found the same one for input and output",
            where=output.name,
            todo="name another output file; the input is kept as it is",
        )
    rows = list(read_rows(source, field))
    result = mask_table(as_table(rows, field), section)
    ids = result.table["record_id"].to_pylist()
    lines = []
    for record_id, messages in zip(ids, result.table["messages"].to_pylist(), strict=True):
        row = {**rows[int(record_id, 16)], field: messages[0]["content"]}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    write_atomic(output, "".join(lines).encode())
    if report is not None:
        write_atomic(report, canonical_json(result.report.to_json()))
    _summarise(result.report.rows_out, result.report.rows_quarantined, result.report.masked_total)
    if not result.report.within_tolerance:
        typer.echo(f"blocked: {result.report.residual_total} findings are left after masking", err=True)
        raise typer.Exit(10)


def _section(profile: str) -> PrivacySection:
    if profile not in PROFILES:
        raise PrivacyError(
            "PRIVACY-006",
            f"expected one of the profiles {', '.join(PROFILES)}, found another name",
            where="--profile",
            todo="choose one of them",
        )
    return PrivacySection.model_validate({"profile": profile})


def _summarise(rows_out: int, quarantined: int, replaced: int) -> None:
    typer.echo(f"{rows_out} rows written, {replaced} values replaced, {quarantined} rows quarantined", err=True)
