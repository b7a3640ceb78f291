"""``mlops contract rules``: what lint asks, rule by rule."""

from __future__ import annotations

from typing import Annotated

import typer

from mlops.contracts.rule_table import sections, to_markdown


def rules_command(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/contract-rules.md.")] = False,
) -> None:
    """Print every rule of lint: its code, whether it is an error or a warning, and what it asks."""
    if markdown:
        typer.echo(to_markdown(), nl=False)
        return
    for section in sections():
        typer.echo(f"{section.title}: {section.about}".replace("`", ""))
        for row in section.rows:
            article = f" ({row.article})" if row.article else ""
            typer.echo(f"  {row.code:<13} {row.severity:<8} {row.asks}{article}".replace("`", ""))
