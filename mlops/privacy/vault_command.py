"""`mlops privacy reveal` and `mlops privacy key`, as functions that `commands.py` mounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops.privacy.errors import PrivacyError


def reveal(
    file: Annotated[Path, typer.Argument(help="A JSONL, CSV, Parquet or plain text file with sealed values.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded in the ledger, so it must hold no data.")] = "",
    output: Annotated[Path | None, typer.Option("--out", help="Where the rows go; shown as JSON by default.")] = None,
    field: Annotated[str, typer.Option("--field", help="The field that holds the text, or the messages.")] = "text",
    key_file: Annotated[Path | None, typer.Option(help="Keys, mode 0600; MLOPS_PRIVACY_KEY by default.")] = None,
) -> None:
    """Show what stands in the vault's tokens. Who asked, why, and for which file is recorded before anything is shown.

    Exit code 10 when there are tokens that no key opens; they stay as they are.
    """
    from mlops.artifacts import digest_file
    from mlops.ledger.events import append
    from mlops.ledger.store import open_ledger
    from mlops.privacy.keys import load_keys, require_apart
    from mlops.privacy.text_rows import text_row_writer
    from mlops.privacy.vault import Opened
    from mlops.settings import load_settings

    if not reason.strip():
        raise PrivacyError(
            "PRIVACY-037",
            "expected a reason, found none",
            where="--reason",
            todo="say why the values are needed; the audit trail keeps it",
        )
    ring = load_keys(key_file)
    if key_file is not None:
        require_apart(key_file, file, *([] if output is None else [output]))
    account = Opened()
    rows = _revealed(file, field, ring, account)
    body = {
        "reason": reason.strip(),
        "file": file.name,
        "sha256": digest_file(file),
        "values": dict(sorted(account.opened.items())),
        "unopened": account.refused,
        "keys": [key.id for key in ring.keys],
    }
    event = append(open_ledger(load_settings().ledger), "privacy_revealed", body)
    if output is None:
        for row in rows:
            typer.echo(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str))
    else:
        with text_row_writer(file, output) as write:
            write(rows)
    typer.echo(f"{account.opened.total()} values revealed, recorded as event {event.seq}", err=True)
    if account.refused:
        typer.echo(f"{account.refused} tokens stay: no key opens them, or they were changed", err=True)
        raise typer.Exit(10)


def _revealed(file: Path, field: str, ring: Any, account: Any) -> list[Any]:
    from mlops.privacy.mask_file import with_texts
    from mlops.privacy.text_rows import read_text_rows
    from mlops.privacy.vault import reveal as opened

    rows = []
    for row in read_text_rows(file, field):
        if row.reason is not None:
            raise PrivacyError(
                "PRIVACY-004",
                f"expected a readable row, found one that is {row.reason}",
                where=f"{file.name} row {row.number}",
                todo="restore the file",
            )
        rows.append(with_texts(row.content, field, [opened(text, ring, account) for _, text in row.parts]))
    return rows


def key(
    file: Annotated[Path, typer.Argument(help="The key file; it must not lie beside the data.")],
    new: Annotated[bool, typer.Option("--new", help="Add a new key to a file that has one: a rotation.")] = False,
) -> None:
    """Make a key file, or add a key to it, and show the ids of its keys, never the keys. The last one is in use."""
    from mlops.privacy.keys import add_key, load_keys

    if new or not file.exists():
        add_key(file)
    for one in load_keys(file).keys:
        typer.echo(one.id)
