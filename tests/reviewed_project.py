"""A project in which the source contract has ruled two runs, with all that a catalog shows of it.

The checks are those of the real validate stage over real rows; the events have the shape that the runner gives them.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from mlops.artifacts import publish, seal
from mlops.contracts.approvals import record_path, required_roles
from mlops.contracts.contract import load_contract
from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.shards import write_shards
from mlops.ledger.events import append
from mlops.ledger.store import Ledger, open_ledger
from mlops.settings import Settings
from mlops.stages import validate
from mlops.stages.stage_io import StageContext

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "data_contracts/support_conversations.odcs.yaml"
CONTRACTS = ("sgd_dialogues", "sgd_training_set", "support_conversations", "support_training_set")
AT = "2026-03-01T09:30:00+00:00"
TRACER = "tracer-7d1f-in-a-cell"
BAD_RECORD = "badbadbadbadbad0"
RELEASE = "support_triage-0123456789ab"


def conversation(number: int, **change: Any) -> dict[str, Any]:
    row = {
        "record_id": f"{number:016x}",
        "conversation_id": f"c{number}",
        "source": "desk",
        "language": "en" if number % 4 else "de",
        "created_at": datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC),
        "messages": [
            {"role": "user", "content": f"My order {number} has not arrived, {TRACER}"},
            {"role": "assistant", "content": "We will send it again."},
        ],
    }
    return {**row, **change}


def build(root: Path) -> Settings:
    """Contracts, one of them changed since it was approved and one broken; a use case; two checks; a champion."""
    for folder in ("data_contracts/approvals", "use_cases"):
        (root / folder).mkdir(parents=True)
    for name in CONTRACTS:
        shutil.copy(ROOT / "data_contracts" / f"{name}.odcs.yaml", root / "data_contracts")
        approve(root / "data_contracts" / f"{name}.odcs.yaml")
    shutil.copy(ROOT / "use_cases" / "support_triage.yaml", root / "use_cases")
    settings = Settings(root=root, workspace=root / "work")
    ledger = open_ledger(settings.ledger)
    contract = load_contract(root / SOURCE)
    pin = {"path": SOURCE, "digest": contract.digest, "id": contract.id, "version": contract.version}
    good = [conversation(number) for number in range(600)]
    bad = conversation(999, record_id=BAD_RECORD, language="it")
    check(settings, ledger, pin, "run-one", [*good, bad])
    check(settings, ledger, pin, "run-two", good[:400])
    release(ledger, pin)
    ledger.engine.dispose()
    change(root / SOURCE)
    (root / "data_contracts" / "torn.odcs.yaml").write_text("id: x\nid: y\n")
    return settings


def approve(path: Path) -> None:
    """Every role that has to approve does, for the file as it lies there."""
    contract = load_contract(path)
    roles = required_roles(contract, None)
    given = [{"approver": f"{role}-account", "role": role, "at": AT, "statement": f"Read by {role}."} for role in roles]
    record = {"contract": contract.name, "version": contract.version, "digest": contract.digest, "author": "author"}
    place = record_path(contract)
    place.write_text(yaml.safe_dump({**record, "approvals": given}))
    shutil.copy(path, place.with_name(f"{contract.name}@{contract.version}.odcs.yaml"))


def change(path: Path) -> None:
    """A new version that asks for less and permits more."""
    text = path.read_text()
    changes = {
        f"version: {load_contract(path).version}": "version: 1.9.0",
        "mustBeGreaterOrEqualTo: 60": "mustBeGreaterOrEqualTo: 50",
        "value: [fine-tuning]": "value: [fine-tuning, offline-evaluation]",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)


def check(settings: Settings, ledger: Ledger, pin: dict[str, str], run: str, rows: Iterable[dict[str, Any]]) -> None:
    """One run of the validate stage, its output in the store, its event in the ledger."""
    work = settings.work / run
    write_shards(pa.Table.from_pylist(list(rows), schema=CHAT_SCHEMA), work / "ingest" / "data")
    output = work / "output"
    output.mkdir(parents=True)
    outcome = validate.run(_context(settings, pin, run, work / "ingest", output))
    facts = {
        "outcome": "blocked" if outcome.blocked else "done",
        "reason": outcome.blocked,
        "rows_in": outcome.rows_in,
        "rows_out": outcome.rows_out,
        "figures": dict(outcome.figures),
    }
    artifact, _ = publish(seal(output, {**facts, "run": run}), settings.store)
    body = {**facts, "artifact": artifact.digest, "hit": False, "key": "k", "inputs": {}, "seconds": 1.0}
    append(ledger, "stage_done", body, use_case="support_triage", run=run, stage="validate")
    append(ledger, "stage_done", {**body, "hit": True}, use_case="support_triage", run=f"{run}-again", stage="validate")


def _context(settings: Settings, pin: dict[str, str], run: str, ingested: Path, output: Path) -> StageContext:
    return StageContext(
        use_case="support_triage",
        run=run,
        attempt="1",
        use_case_file=settings.root / "use_cases" / "support_triage.yaml",
        root=settings.root,
        sections={},
        inputs={"ingest": ingested},
        digests={},
        pins={"source_contract": pin},
        output=output,
        attempt_dir=output.parent,
        checkpoints=output.parent,
        threads=1,
        progress=lambda done, total, what: None,
        should_stop=lambda: False,
    )


def release(ledger: Ledger, pin: dict[str, str]) -> None:
    """A release of the first run, which serves."""
    names = {"use_case": "support_triage", "run": "run-one"}
    append(ledger, "run_started", {"pins": {"source_contract": pin, "training_contract": {}}}, **names)
    digest = "sha256:" + "0123456789ab" + "0" * 52
    body = {
        "release": RELEASE,
        "dossier": digest,
        "adapter": digest,
        "verdict": "PASS",
        "owner": "support-platform",
        "champion": None,
        "base_model": {"path": "base_models/x", "digest": digest},
        "approval": {"required": "never", "quorum": 1, "roles": []},
    }
    append(ledger, "registered", body, stage="register", **names)
    append(ledger, "promoted", {"release": RELEASE, "previous": None}, **names)
