"""What a contract rules: read from use-case files as they lie there, and from a real ledger."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops.governance.lineage import contract_uses, existing_ledger
from mlops.ledger.errors import LedgerError
from mlops.ledger.events import append
from mlops.ledger.store import Ledger, open_ledger
from mlops.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SOURCE = "urn:dc:support:support-conversations"
TRAINING = "urn:dc:support:support-training-set"
GONE = "data_contracts/gone.yaml"
FILES = {SOURCE: "support_conversations.odcs.yaml", TRAINING: "support_training_set.odcs.yaml"}


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    for folder in ("data_contracts", "use_cases"):
        (tmp_path / folder).mkdir()
    for name in FILES.values():
        shutil.copy(ROOT / "data_contracts" / name, tmp_path / "data_contracts" / name)
    shutil.copy(ROOT / "use_cases" / "support_triage.yaml", tmp_path / "use_cases")
    return Settings(root=tmp_path)


@pytest.fixture
def ledger(project: Settings) -> Ledger:
    return open_ledger(project.ledger)


def use_case(project: Settings, name: str, text: str) -> None:
    (project.root / "use_cases" / f"{name}.yaml").write_text(text, encoding="utf-8")


def start(ledger: Ledger, run: str, use_case: str, version: str) -> None:
    pins = {
        f"{part}_contract": {"path": FILES[key], "id": key, "version": version, "digest": "sha256:0"}
        for part, key in (("source", SOURCE), ("training", TRAINING))
    }
    append(ledger, "run_started", {"use_case_digest": "sha256:1", "pins": pins}, use_case=use_case, run=run)


def done(ledger: Ledger, run: str, stage: str, artifact: str, contract: dict[str, str], outcome: str = "done") -> None:
    body: dict[str, Any] = {"artifact": artifact, "outcome": outcome, "figures": {"contract": contract}}
    append(ledger, "stage_done", body, use_case="support_triage", run=run, stage=stage)


def register(ledger: Ledger, run: str, release: str, use_case: str = "support_triage") -> None:
    body = {
        "release": release,
        "dossier": f"sha256:{release}",
        "verdict": "PASS",
        "owner": "support-platform",
        "approval": {"required": "never", "quorum": 0, "roles": []},
        "champion": None,
        "adapter": "sha256:2",
        "base_model": "sha256:3",
    }
    append(ledger, "registered", body, use_case=use_case, run=run, stage="register")


def promote(ledger: Ledger, release: str, previous: str | None) -> None:
    append(ledger, "promoted", {"release": release, "previous": previous}, use_case="support_triage")


def test_before_the_first_run_there_are_use_cases_and_gates_only(project: Settings) -> None:
    assert existing_ledger(project) is None
    uses = contract_uses(project, None, TRAINING)
    assert not uses.has_ledger
    (one,) = uses.use_cases
    assert (one.name, one.file, one.part) == ("support_triage", "use_cases/support_triage.yaml", "training set")
    assert (one.gate, one.gate_version) == ("support-triage", 1)
    assert (uses.datasets, uses.releases, uses.problems) == ((), (), ())
    assert not (project.root / "workspace").exists(), "asking leaves nothing behind"


def test_a_contract_that_nobody_names_is_used_by_nobody(project: Settings, ledger: Ledger) -> None:
    uses = contract_uses(project, ledger, "urn:dc:nobody")
    assert (uses.use_cases, uses.datasets, uses.releases) == ((), (), ())


def test_one_contract_for_both_parts(project: Settings) -> None:
    path = f"data_contracts/{FILES[SOURCE]}"
    use_case(project, "both", f"contracts: {{source: {path}, training_set: {path}}}\ngates: {{name: g, version: 3}}\n")
    one = next(use for use in contract_uses(project, None, SOURCE).use_cases if use.name == "both")
    assert (one.part, one.gate, one.gate_version) == ("source and training set", "g", 3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("contracts: [", "use_cases/broken.yaml"),
        ("name: broken\n", "use_cases/broken.yaml"),
        ("contracts: {source: ../x.yaml, training_set: /etc/x.yaml}\n", "use_cases/broken.yaml"),
        (f"contracts: {{source: {GONE}, training_set: {GONE}}}\n", GONE),
    ],
    ids=["not YAML", "no contracts", "paths outside", "missing contract"],
)
def test_a_broken_use_case_is_told_and_hides_no_other(project: Settings, text: str, problem: str) -> None:
    use_case(project, "broken", text)
    uses = contract_uses(project, None, TRAINING)
    assert [use.name for use in uses.use_cases] == ["support_triage"]
    assert len(uses.problems) == 1
    assert problem in uses.problems[0]


def test_a_use_case_with_a_fault_elsewhere_still_counts(project: Settings) -> None:
    path = project.root / "use_cases" / "support_triage.yaml"
    path.write_text(path.read_text().replace("owner: support-platform", "ownr: support-platform"))
    assert [use.name for use in contract_uses(project, None, SOURCE).use_cases] == ["support_triage"]


def test_data_sets_newest_first_and_each_once(project: Settings, ledger: Ledger) -> None:
    first, second = ({"id": SOURCE, "version": version} for version in ("1.0.0", "1.1.0"))
    done(ledger, "run-1", "validate", "sha256:a", first)
    done(ledger, "run-1", "curate", "sha256:b", {"id": TRAINING, "version": "1.0.0"})
    done(ledger, "run-2", "validate", "sha256:c", second, outcome="blocked")
    done(ledger, "run-3", "validate", "sha256:a", first)
    append(ledger, "stage_done", {"artifact": "sha256:d", "figures": {}}, use_case="support_triage", stage="mask")
    found = contract_uses(project, ledger, SOURCE).datasets
    assert [(each.digest, each.run, each.version, each.outcome) for each in found] == [
        ("sha256:a", "run-3", "1.0.0", "done"),
        ("sha256:c", "run-2", "1.1.0", "blocked"),
    ]
    assert [each.digest for each in contract_uses(project, ledger, TRAINING).datasets] == ["sha256:b"]


def test_releases_with_the_version_of_their_run_and_where_they_stand(project: Settings, ledger: Ledger) -> None:
    start(ledger, "run-1", "support_triage", "1.0.0")
    register(ledger, "run-1", "support_triage-1")
    promote(ledger, "support_triage-1", None)
    start(ledger, "run-2", "support_triage", "1.1.0")
    register(ledger, "run-2", "support_triage-2")
    promote(ledger, "support_triage-2", "support_triage-1")
    append(ledger, "run_started", {"pins": {}}, use_case="other", run="run-3")
    register(ledger, "run-3", "other-1", use_case="other")
    found = contract_uses(project, ledger, TRAINING).releases
    assert [(each.release, each.version, each.standing, each.champion, each.part) for each in found] == [
        ("support_triage-2", "1.1.0", "champion", True, "training set"),
        ("support_triage-1", "1.0.0", "retired", False, "training set"),
    ]


def test_a_ledger_that_cannot_be_read_is_an_error_and_not_an_empty_answer(project: Settings) -> None:
    project.work.mkdir()
    (project.work / "ledger.db").write_text("this is no database, however long one waits" * 40)
    with pytest.raises(LedgerError):
        existing_ledger(project)
