"""A small project with real sealed artifacts, a real SQLite ledger and a real key: everything but the training."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops.artifacts import (
    MEASUREMENTS,
    Artifact,
    canonical_json,
    digest_bytes,
    digest_file,
    publish,
    seal,
    write_atomic,
)
from mlops.ledger.events import append, append_once
from mlops.ledger.store import Ledger, open_ledger
from mlops.registry.actions import Desk
from mlops.registry.config import ApprovalSection
from mlops.registry.dossier import STAGES, build_dossier, write_dossier
from mlops.registry.registration import register_release
from mlops.registry.signing import load_or_create_key
from mlops.registry.verification import VerifyReport, verify_release

USE_CASE = "support_triage"
OWNER = "support-platform"
TRIGGER = "trigger-account"
INPUTS = {
    "ingest": (),
    "validate": ("ingest",),
    "mask": ("validate",),
    "curate": ("mask",),
    "train": ("curate",),
    "evaluate": ("curate", "train"),
    "gate": ("evaluate",),
    "register": STAGES,
}

DECLARATION = f"""\
name: {USE_CASE}
owner: {OWNER}
purpose: {{name: fine-tuning, region: EU, role: ml-engineer}}
description: Reads a ticket | writes one JSON line.
feasibility: {{score: 4, reason: small closed domain}}
ethics: {{intended_use: triage of tickets, out_of_scope: <b>credit</b> decisions, risk_class: limited}}
"""


APPROVER_ROLES = ("data-owner", "data-protection-officer")


def contract_text(name: str) -> str:
    return (
        f"id: urn:{name}\nversion: 1.2.0\nname: {name}\nroles: [{{role: trainer, firstLevelApprovers: data-owner}}]\n"
    )


def approvals_text(contract: bytes, author: str = "data-team", roles: tuple[str, ...] = APPROVER_ROLES) -> str:
    given = [
        {"approver": f"{role}-account", "role": role, "at": "2026-01-02", "statement": "read it"} for role in roles
    ]
    (name,) = re.findall(r"^name: (.*)$", contract.decode(), re.MULTILINE)
    found = {"contract": name, "version": "1.2.0", "digest": digest_bytes(contract)}
    return json.dumps({**found, "author": author, "approvals": given})


def verdict_report(outcome: str) -> dict[str, Any]:
    rule = {
        "id": "ticket_exact_match",
        "tier": "critical",
        "rule": "floor",
        "outcome": outcome,
        "value": 0.91,
        "interval": {"low": 0.883, "high": 0.9321, "confidence": 0.9, "method": "wilson"},
        "n": 400,
        "clusters": 380,
        "threshold": 0.8,
        "discordant": None,
        "p_value": None,
        "mde": 0.05,
        "required_n": None,
        "note": "",
    }
    return {
        "outcome": outcome,
        "next_step": {"PASS": "done", "INCONCLUSIVE": "approval", "FAIL": "blocked"}[outcome],
        "gate": "triage",
        "version": 1,
        "alpha": 0.05,
        "power": 0.8,
        "gate_digest": digest_bytes(b"gate"),
        "harness": digest_bytes(b"harness"),
        "scores": {},
        "metrics": [rule],
    }


@dataclass
class Bench:
    """Makes releases the way the stage runner does."""

    root: Path
    workspace: Path
    desk: Desk

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    @property
    def store(self) -> Path:
        return self.workspace / "store"

    def pins(self, champion: dict[str, str] | None) -> dict[str, Any]:
        contracts = {
            role: {"path": path, "digest": digest_file(self.root / path)}
            for role, path in (
                ("source_contract", "data_contracts/tickets.yaml"),
                ("training_contract", "data_contracts/chat.yaml"),
            )
        }
        return {
            "use_case": digest_file(self.root / "use_cases" / f"{USE_CASE}.yaml"),
            "base_model": {
                "path": "base_models/tiny",
                "digest": digest_file(self.root / "base_models/tiny/manifest.json"),
            },
            "champion": champion,
            "approvals": {
                pin["path"]: {
                    "path": str(file),
                    "digest": digest_file(self.root / file),
                    "required": ["data-protection-officer"],
                }
                for pin in contracts.values()
                for file in [Path("data_contracts/approvals", Path(pin["path"]).name)]
            },
            **contracts,
        }

    def seal_stage(
        self,
        run: str,
        stage: str,
        variant: str,
        inputs: dict[str, str],
        pins: dict[str, Any],
        fill: Callable[[Path], None],
        key: str | None = None,
    ) -> Artifact:
        parts = {
            "stage": stage,
            "inputs": inputs,
            "pins": pins,
            "section": digest_bytes(variant.encode()),
            "code": digest_bytes(b"code"),
            "versions": {"numpy": "2.4.6"},
        }
        output = self.workspace / "runs" / run / stage / "a1" / "output"
        output.mkdir(parents=True)
        fill(output)
        manifest = {
            "schema": 1,
            "stage": stage,
            "use_case": USE_CASE,
            "key": key or digest_bytes(canonical_json(parts)),
            "key_parts": parts,
            "outcome": "done",
            "reason": None,
            "rows_in": 100,
            "rows_out": 90,
            "figures": {"kept": 90, "by_type": {"email": 7}} if stage == "mask" else {"rows": 90},
        }
        artifact = seal(output, manifest)
        write_atomic(output / MEASUREMENTS, canonical_json({"run": run, "seconds": 1.5, "host": "h"}))
        recorded = digest_file(output / MEASUREMENTS)
        artifact, fresh = publish(artifact, self.store)
        body = {
            **{name: manifest[name] for name in ("key", "outcome", "reason", "rows_in", "rows_out", "figures")},
            "artifact": artifact.digest,
            "hit": not fresh,
            "seconds": 1.5,
            "measurements": recorded if fresh else digest_file(artifact.path / MEASUREMENTS),
        }
        append(self.ledger, "stage_done", body, use_case=USE_CASE, run=run, stage=stage, attempt="a1")
        return artifact

    def run(
        self,
        run: str,
        *,
        variant: str = "a",
        verdict: str = "PASS",
        approval: ApprovalSection | None = None,
        champion: str | None = None,
        forge: Callable[[Path], None] | None = None,
        record_verdict: bool = True,
        key: str | None = None,
    ) -> str:
        """All stages up to a sealed and recorded dossier; returns its digest. Nothing is registered yet.

        ``forge`` changes the dossier's folder before it is sealed, as somebody would who holds the signing key;
        ``record_verdict`` and ``key`` (of the mask stage) are for other ways to go wrong.
        """
        pinned = None if champion is None else {"release": champion, "adapter": digest_bytes(b"adapter")}
        pins = self.pins(pinned)
        start = {"use_case_digest": pins["use_case"], "pins": pins}
        append_once(self.ledger, "run_started", start, once=f"run/{run}", use_case=USE_CASE, run=run, actor=TRIGGER)
        made: dict[str, Artifact] = {}
        for stage in STAGES:
            inputs = {name: made[name].digest for name in INPUTS[stage]}

            def fill(output: Path, stage: str = stage) -> None:
                (output / "data").mkdir()
                (output / "data" / "part-00000.bin").write_bytes(f"{stage} {variant}".encode() * 20)
                if stage == "gate":
                    (output / "verdict.json").write_bytes(canonical_json(verdict_report(verdict)))

            made[stage] = self.seal_stage(run, stage, variant, inputs, pins, fill, key if stage == "mask" else None)
        record = {"verdict": verdict, "artifact": made["gate"].digest, "figures": {}}
        once = f"{run}/gate/gate_verdict"
        if record_verdict:
            append_once(self.ledger, "gate_verdict", record, once=once, use_case=USE_CASE, run=run, stage="gate")

        def dossier(output: Path) -> None:
            file = self.root / "use_cases" / f"{USE_CASE}.yaml"
            content = build_dossier(
                root=self.root,
                use_case_file=file,
                use_case_digest=pins["use_case"],
                base_model="base_models/tiny",
                base_model_digest=pins["base_model"]["digest"],
                contracts={
                    pins[name]["path"]: pins[name]["digest"] for name in ("source_contract", "training_contract")
                },
                approvals=pins["approvals"],
                inputs={name: artifact.path for name, artifact in made.items()},
                approval=approval or ApprovalSection(),
                champion=champion,
            )
            write_dossier(output, content, root=self.root, use_case_file=file)
            if forge is not None:
                forge(output)

        inputs = {name: artifact.digest for name, artifact in made.items()}
        return self.seal_stage(run, "register", variant, inputs, pins, dossier).digest

    def release(self, run: str = "run-1", **options: Any) -> str:
        """A registered and exported release."""
        digest = self.run(run, **options)
        return register_release(self.ledger, self.workspace, digest, key=self.desk.key, run=run)

    def verify(self, release: str, *, online: bool = False) -> VerifyReport:
        return verify_release(
            self.workspace,
            release,
            root=self.root,
            trusted=self.desk.trusted,
            ledger=self.ledger if online else None,
        )

    def failed(self, release: str, *, online: bool = False) -> dict[str, str]:
        return {check.name: check.detail for check in self.verify(release, online=online).checks if not check.ok}

    def folder(self, release: str) -> Path:
        return self.workspace / "releases" / release

    def attestation(self, release: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder(release) / "attestation.json").read_bytes())
        return found


def make_bench(root: Path) -> Bench:
    workspace = root / "workspace"
    write_atomic(root / "use_cases" / f"{USE_CASE}.yaml", DECLARATION.encode())
    for name in ("tickets", "chat"):
        content = contract_text(name).encode()
        write_atomic(root / "data_contracts" / f"{name}.yaml", content)
        write_atomic(root / "data_contracts" / "approvals" / f"{name}.yaml", approvals_text(content).encode())
    base = root / "base_models" / "tiny"
    write_atomic(base / "config.json", b'{"model_type":"tiny"}')
    seal(base, {"name": "tiny"})
    trusted = workspace / "keys" / "trusted"
    key = load_or_create_key(workspace / "keys" / "signing.pem", trusted)
    desk = Desk(open_ledger(f"sqlite:///{workspace / 'ledger.db'}"), workspace, root, trusted, key)
    return Bench(root, workspace, desk)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One for a whole module, for tests that put back what they change."""
    return make_bench(tmp_path_factory.mktemp("project"))


def all_files(folder: Path) -> list[Path]:
    """Every file below, sorted."""
    return sorted(Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
