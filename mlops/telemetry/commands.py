"""``mlops telemetry``: the exporter and the sinks."""

from __future__ import annotations

import signal
import threading
from enum import StrEnum

import typer

from mlops.ledger.store import open_ledger
from mlops.settings import Settings, load_settings
from mlops.telemetry.exporter import DEFAULT_PORT, LedgerCollector

app = typer.Typer(
    help="Exporter and sinks: replayable readers of the ledger.", no_args_is_help=True, add_completion=False
)


class Sink(StrEnum):
    """What can be replayed."""

    JSONL = "jsonl"
    WANDB = "wandb"


def _collector(settings: Settings) -> LedgerCollector:
    def use_cases() -> list[str]:
        return sorted(path.stem for path in (settings.root / "use_cases").glob("*.yaml"))

    return LedgerCollector(lambda: open_ledger(settings.ledger, create=False), use_cases)


@app.command()
def serve(
    port: int = typer.Option(DEFAULT_PORT, min=0, max=65535, help="TCP port; 0 takes a free one."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; metrics carry no secret, but no login either."),
) -> None:
    """Serve the metrics to Prometheus until stopped."""
    from mlops.telemetry.exporter import start

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    exporter = start(_collector(load_settings()), host, port)
    typer.echo(f"http://{host}:{exporter.address[1]}/metrics")
    stopped.wait()
    exporter.close()


@app.command()
def metrics() -> None:
    """Print the metrics once, in Prometheus' text format."""
    from prometheus_client import generate_latest

    from mlops.telemetry.exporter import registry_of

    typer.echo(generate_latest(registry_of(_collector(load_settings()))).decode(), nl=False)


@app.command()
def replay(
    sink: Sink | None = typer.Option(None, help="Only this sink; without it all that are on."),
    timeout: float = typer.Option(60.0, min=1.0, help="Seconds that one W&B process may take."),
) -> None:
    """Bring the event log and the offline W&B runs up to date with the ledger."""
    from mlops.telemetry.replay import replay_jsonl, replay_wandb

    settings = load_settings()
    ledger = open_ledger(settings.ledger, create=False)
    if sink in (None, Sink.JSONL):
        typer.echo(f"jsonl: {replay_jsonl(ledger, settings.work)} events added")
    if sink is Sink.WANDB or (sink is None and settings.wandb):
        typer.echo(f"wandb: {len(replay_wandb(ledger, settings.work, timeout_seconds=timeout))} runs added")
