"""Bring every sink up to date with the ledger, without ever failing the caller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlops.errors import MlopsError
from mlops.ledger.store import Ledger
from mlops.telemetry import jsonl_log, wandb_sink


def replay_all(
    ledger: Ledger, workspace: Path, *, wandb: bool = True, timeout_seconds: float = 60.0
) -> tuple[str, ...]:
    """Replay into ``workspace/log/events.jsonl`` and, if ``wandb``, ``workspace/wandb``.

    For the end of a run: whatever happens to a sink, this returns.

    Args:
        ledger: the record.
        workspace: holds ``runs/``, ``log/`` and ``wandb/``.
        wandb: write offline W&B runs too.
        timeout_seconds: limit for each W&B process.

    Returns:
        One sentence per sink that is not up to date, for the caller to show; empty when all are.
    """
    sinks: list[tuple[str, Callable[[], object]]] = [("event log", lambda: replay_jsonl(ledger, workspace))]
    if wandb:
        sinks.append(("W&B", lambda: replay_wandb(ledger, workspace, timeout_seconds=timeout_seconds)))
    problems = []
    for name, bring_up_to_date in sinks:
        try:
            bring_up_to_date()
        except MlopsError as error:
            problems.append(f"{name} not up to date: {error}")
        except Exception as error:  # a sink must not cost a run; its text may quote a value, so only its type is kept
            problems.append(f"{name} not up to date: {type(error).__name__}; run mlops telemetry replay")
    return tuple(problems)


def replay_jsonl(ledger: Ledger, workspace: Path) -> int:
    """Events appended to ``workspace/log/events.jsonl``; raises as :func:`jsonl_log.follow`."""
    return jsonl_log.follow(ledger, workspace / "log" / "events.jsonl")


def replay_wandb(ledger: Ledger, workspace: Path, *, timeout_seconds: float = 60.0) -> list[Path]:
    """New run folders under ``workspace/wandb``; raises as :func:`wandb_sink.replay`."""
    return wandb_sink.replay(ledger, workspace / "runs", workspace / "wandb", timeout_seconds=timeout_seconds)
