"""``mlops contract catalog`` and ``mlops contract card``: contracts for people who do not read YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops.artifacts import write_atomic
from mlops.contracts.errors import ContractError
from mlops.governance.lint_command import FOLDER, contract_files
from mlops.settings import load_settings


def catalog_command(
    out: Annotated[Path, typer.Option(help="Folder to write; an older catalog there is replaced as a whole.")],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Contract files, or folders that hold some.", show_default=str(FOLDER)),
    ] = None,
) -> None:
    """Write all contracts as web pages that need no server: open OUT/index.html.

    Each page shows schema, rules in plain words, results from the ledger, policy, approvals, versions and uses. A
    contract file that is broken is listed with its findings, and the command still ends with 0: finding them is the
    business of ``mlops contract lint``.
    """
    from mlops.governance.catalog.gather import gather
    from mlops.governance.catalog.site import require_catalog, site, write_site

    settings = load_settings()
    require_catalog(out)
    files = contract_files(paths or [settings.root / FOLDER])
    if not files:
        message, todo = "found no contract files", "name a file *.odcs.yaml, or a folder with some"
        raise ContractError("CONTRACT-012", message, where=str((paths or [FOLDER])[0]), todo=todo)
    catalog = gather(settings, files)
    write_site(site(catalog), out)
    broken = f", {len(catalog.broken)} of them broken" if catalog.broken else ""
    typer.echo(f"{len(files)} contract(s){broken}: {out / 'index.html'}")


def card_command(
    contract: Annotated[Path, typer.Argument(help="Contract file.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write, for example README.md.", show_default="stdout")
    ] = None,
) -> None:
    """Write a contract as a dataset card in the form that the Hugging Face Hub reads.

    The card says what the contract says and what the ledger has measured; nothing else.
    """
    from mlops.governance.catalog.dataset_card import dataset_card
    from mlops.governance.catalog.gather import gather_one

    card = dataset_card(gather_one(load_settings(), contract))
    if out is None:
        typer.echo(card, nl=False)
    else:
        write_atomic(out, card.encode())
