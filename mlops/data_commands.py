"""``mlops data``: where a run's artifacts lie, and moving them between the store and the DVC remotes."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mlops.artifacts import Artifact, ArtifactError, store_path, verify
from mlops.dvc_repository import RemoteError
from mlops.ledger.events import events
from mlops.ledger.store import Ledger, open_ledger
from mlops.pipeline import STAGE_NAMES, stage_named
from mlops.registry.fetching import fetch_release
from mlops.registry.state import KINDS, releases
from mlops.remotes import fetch_artifact, push_artifact, pushed, remote_named, remote_of
from mlops.runs import RunError, find_run, stage_results
from mlops.settings import Settings, load_settings

app = typer.Typer(
    help="Artifacts in the DVC remotes: status, push, pull.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, see: mlops runs list.")]


def _open() -> tuple[Settings, Ledger]:
    settings = load_settings()
    return settings, open_ledger(settings.ledger, create=False)


def _outputs(ledger: Ledger, run: str) -> dict[str, str]:
    """Stage to artifact digest of a run, in the order of the pipeline."""
    if find_run(ledger, run) is None:
        raise RunError("RUN-004", "no such run", where=run, todo="see: mlops runs list")
    results = stage_results(ledger, run)
    return {stage: str(results[stage]["artifact"]) for stage in STAGE_NAMES if stage in results}


def _stored(settings: Settings, digest: str) -> Artifact | None:
    return verify(folder, digest) if (folder := store_path(settings.store, digest)).is_dir() else None


def _here(settings: Settings, digest: str) -> str:
    try:
        return "no" if _stored(settings, digest) is None else "yes"
    except (ArtifactError, OSError):
        return "damaged"


@app.command("status")
def status(run: RunId, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Which artifacts of a run are in this store (every byte checked) and which were pushed where."""
    settings, ledger = _open()
    rows = []
    for stage, digest in _outputs(ledger, run).items():
        place = pushed(ledger, digest)
        remote = str(stage_named(stage).remote) if place is None else place.remote
        row: dict[str, Any] = {"stage": stage, "artifact": digest, "here": _here(settings, digest), "remote": remote}
        row["configured"] = remote_named(settings, remote) is not None
        row["pushed"] = None if place is None else place.folder
        rows.append(row)
    if as_json:
        typer.echo(json.dumps({"run": run, "artifacts": rows}, indent=2))
        return
    table = Table("stage", "artifact", "here", "remote", "pushed as", header_style="bold", box=SIMPLE_HEAD)
    for row in rows:
        where = row["remote"] if row["configured"] else f"{row['remote']} (not configured)"
        table.add_row(row["stage"], row["artifact"][:19] + "…", row["here"], where, (row["pushed"] or "no")[:16])
    Console().print(table)


@app.command("push")
def push(run: RunId) -> None:
    """Push a run's artifacts again, and ask the remotes for every object of them."""
    settings, ledger = _open()
    for stage, digest in _outputs(ledger, run).items():
        artifact = _stored(settings, digest)
        if artifact is None:
            typer.echo(f"{stage}: left out, {digest} is not in this store")
            continue
        remote = remote_of(artifact.manifest)
        if remote_named(settings, remote) is None:
            typer.echo(f"{stage}: left out, MLOPS_REMOTE_{remote.upper()} is not set")
            continue
        names = {"run": run, "stage": stage, "use_case": str(artifact.manifest["use_case"])}
        push_artifact(settings, ledger, artifact, names, again=True)
        typer.echo(f"{stage}: in the {remote} remote, every object checked")


@app.command("pull")
def pull(
    what: Annotated[str, typer.Argument(metavar="DIGEST|RELEASE|RUN", help="sha256:…, a release's or a run's name.")],
) -> None:
    """Bring artifacts into the store: one by digest, or all of a release or a run. A damaged copy is replaced."""
    settings, ledger = _open()
    if what in releases(events(ledger, kinds=KINDS)):
        fetched = fetch_release(settings, ledger, what)
        typer.echo(f"{what}: {len(fetched)} artifact(s) fetched, the others were here")
        return
    digests = [what] if what.startswith("sha256:") else list(_outputs(ledger, what).values())
    for digest in digests:
        typer.echo(f"{digest}: {_pull(settings, ledger, digest)}")


def _pull(settings: Settings, ledger: Ledger, digest: str) -> str:
    if _here(settings, digest) == "yes":
        return "was here"
    if not fetch_artifact(settings, ledger, digest):
        raise RemoteError(
            "REMOTE-013",
            "the ledger names no remote that holds this artifact",
            where=digest,
            todo="check the digest with: mlops data status RUN; or run its stage again",
        )
    return "fetched"
