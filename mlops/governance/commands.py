"""``mlops contract``: what governance teams do with data contracts."""

from __future__ import annotations

import typer

from mlops.governance.approve_command import approve_command
from mlops.governance.catalog_command import card_command, catalog_command
from mlops.governance.check_command import check_command
from mlops.governance.diff_command import diff_command
from mlops.governance.lint_command import lint_command
from mlops.governance.rules_command import rules_command

app = typer.Typer(
    help="Data contracts (Open Data Contract Standard, v3.1 and v3.2).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _contract() -> None:
    """Data contracts (Open Data Contract Standard, v3.1 and v3.2)."""


app.command("lint")(lint_command)
app.command("rules")(rules_command)
app.command("check")(check_command)
app.command("approve")(approve_command)
app.command("catalog")(catalog_command)
app.command("card")(card_command)
app.command("diff")(diff_command)
