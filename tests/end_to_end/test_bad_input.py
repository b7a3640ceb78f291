"""Whatever is wrong: one line that says what it is and what to do, the right exit code, and nothing lost."""

from __future__ import annotations

import ctypes
import gzip
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.artifacts import MANIFEST, seal
from mlops.ledger.events import events
from mlops.ledger.heartbeats import live
from mlops.pipeline import STAGE_NAMES
from tests.end_to_end.conftest import QUIET, SOURCE, Project, hits, places, result_of
from tests.end_to_end.tracer import leaks, readable_rows, traces
from tests.small_project import artifacts, command, environment

USE_CASE = "use_cases/small.yaml"
SOURCE_CONTRACT = "data_contracts/support_conversations.odcs.yaml"
BASE = Path("base_models") / "tiny-test"


def one_line(text: str, code: str) -> str:
    """The one line that carries the code."""
    found = [line for line in text.splitlines() if code in line]
    assert len(found) == 1, text
    return found[0]


def assert_clear(done: subprocess.CompletedProcess[str], code: str) -> None:
    """A person sees what is wrong and what to do next, and no Python."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "defect" not in said
    line = one_line(done.stderr, code)
    assert re.search(rf"{code} .{{10,}} — .{{10,}}", line), line
    assert traces(said) == set()


# -- what is declared or given is wrong -------------------------------------------------------------------------------


def _no_file(project: Project) -> None:
    (project.root / SOURCE).unlink()


def _empty_file(project: Project) -> None:
    (project.root / SOURCE).write_bytes(b"")


def _blank_lines(project: Project) -> None:
    (project.root / SOURCE).write_bytes(b"\n  \n\n")


def _as_gzip(project: Project) -> Path:
    path = project.root / "data" / "desk.jsonl.gz"
    path.write_bytes(gzip.compress((project.root / SOURCE).read_bytes()))
    project.edit("path: data/*.jsonl", "path: data/*.gz")
    return path


def _truncated_gzip(project: Project) -> None:
    path = _as_gzip(project)
    path.write_bytes(path.read_bytes()[:-20_000])


def _damaged_gzip(project: Project) -> None:
    path = _as_gzip(project)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)


def _no_gzip(project: Project) -> None:
    _as_gzip(project).write_bytes(b"this was never compressed\n" * 100)


def _truncated_parquet(project: Project) -> None:
    path = project.root / "data" / "desk.parquet"
    pq.write_table(pa.table({"id": [str(number) for number in range(1000)]}), path)
    path.write_bytes(path.read_bytes()[:-100])
    project.edit("kind: jsonl", "kind: parquet")
    project.edit("path: data/*.jsonl", "path: data/*.parquet")


def _folder_for_a_file(project: Project) -> None:
    (project.root / SOURCE).unlink()
    (project.root / SOURCE).mkdir()


def _unknown_key(project: Project) -> None:
    project.edit("  max_steps: 24", "  max_stepps: 24")


def _broken_yaml(project: Project) -> None:
    project.edit("budget: {max_minutes: 20}", "budget: {max_minutes: 20")


def _no_source_contract(project: Project) -> None:
    (project.root / SOURCE_CONTRACT).unlink()


def _broken_contract(project: Project) -> None:
    project.edit("kind: DataContract", "kind: DataContrast", SOURCE_CONTRACT)


def _no_base_model(project: Project) -> None:
    shutil.rmtree(project.root / BASE)


def _reseal(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    del manifest["files"]
    seal(folder, manifest)


def _pickled_base_model(project: Project) -> None:
    (project.root / BASE / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    _reseal(project.root / BASE)


def _remote_code(project: Project) -> None:
    path = project.root / BASE / "config.json"
    config = json.loads(path.read_bytes())
    path.write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "someone/else--modeling.Model"}}))
    _reseal(project.root / BASE)


def _changed_weights(project: Project) -> None:
    path = project.root / BASE / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    manifest = project.root / BASE / MANIFEST  # another base model by its manifest, so that nothing is in the store
    manifest.write_bytes(manifest.read_bytes().replace(b'"files"', b'"note":1,"files"'))


def _other_purpose(project: Project) -> None:
    project.edit("purpose: {name: fine-tuning,", "purpose: {name: profiling,")


def _other_region(project: Project) -> None:
    project.edit("region: EU", "region: US")


CASES: tuple[tuple[Callable[[Project], None], str, str], ...] = (
    (_no_file, "DATASET-004", "ingest"),
    (_empty_file, "DATASET-006", "ingest"),
    (_truncated_gzip, "DATASET-005", "ingest"),
    (_truncated_parquet, "DATASET-005", "ingest"),
    (_unknown_key, "USECASE-003", ""),
    (_broken_yaml, "USECASE-009", ""),
    (_no_source_contract, "CONTRACT-001", ""),
    (_broken_contract, "CONTRACT-005", ""),
    (_no_base_model, "RUN-001", ""),
    (_pickled_base_model, "MODEL-003", "train"),
    (_remote_code, "MODEL-005", "train"),
    (_other_purpose, "PURPOSE-001", "curate"),
)
MORE: tuple[tuple[Callable[[Project], None], str, str], ...] = (
    (_blank_lines, "DATASET-006", "ingest"),
    (_damaged_gzip, "DATASET-005", "ingest"),
    (_no_gzip, "DATASET-005", "ingest"),
    (_folder_for_a_file, "DATASET-004", "ingest"),
    (_changed_weights, "ARTIFACT-010", "train"),
    (_other_region, "PURPOSE-001", "curate"),
)


def _cases() -> Iterator[Any]:
    for cases, marks in ((CASES, ()), (MORE, (pytest.mark.full,))):
        for case in cases:
            yield pytest.param(*case, id=case[0].__name__.strip("_").replace("_", " "), marks=marks)


@pytest.mark.parametrize(("spoil", "code", "stage"), list(_cases()))
def test_wrong_input_ends_with_20_and_one_clear_line(
    damaged: Project, spoil: Callable[[Project], None], code: str, stage: str
) -> None:
    spoil(damaged)
    done = damaged.call("run", "small")
    assert done.returncode == 20, done.stdout + done.stderr
    assert_clear(done, code)
    if stage:
        assert f"{stage} did not pass: " in done.stdout, "the table at the end names the stage and the reason"
        assert code in done.stdout
    else:
        assert done.stdout == "", "nothing was begun"
    damaged.assert_whole()


@pytest.mark.parametrize(("spoil", "word"), [(_unknown_key, "stepps"), (_broken_yaml, "budget")], ids=["key", "YAML"])
def test_a_wrong_use_case_is_named_by_file_and_line(
    damaged: Project, spoil: Callable[[Project], None], word: str
) -> None:
    spoil(damaged)
    lines = (damaged.root / USE_CASE).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if word in text)
    found = re.search(r"small\.yaml:(\d+)", damaged.call("run", "small").stderr)
    assert found is not None
    assert int(found[1]) in (line, line + 1)  # an open bracket is noticed after its line


# -- rows that the contract or the reader refuses ---------------------------------------------------------------------


def _only_unreadable(project: Project) -> None:
    (project.root / SOURCE).write_text('{"id": \n' * 700)


def _all_quarantined(project: Project) -> None:
    """Each row for itself breaks a rule; no rule about the whole table fails."""
    rows = [json.loads(line) for line in (project.root / SOURCE).read_bytes().splitlines()[:700]]
    good = [row for row in rows if row.get("messages") and isinstance(row["created_at"], str)]
    for row in good:
        row["messages"] = [{"role": "user", "content": "  "}, {"role": "assistant", "content": "  "}]
    (project.root / SOURCE).write_text("\n".join(json.dumps(row) for row in good * 2) + "\n")


def _too_few_rows(project: Project) -> None:
    lines = (project.root / SOURCE).read_bytes().splitlines()[:100]
    (project.root / SOURCE).write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    ("spoil", "stage", "reason"),
    [
        (_only_unreadable, "ingest", r"no row could be read; 700 rejected: {'invalid_json': 700}"),
        (_all_quarantined, "validate", r"all \d+ records would be quarantined"),
        pytest.param(_too_few_rows, "validate", r"1 table rule\(s\) failed: .*enough_records", marks=pytest.mark.full),
    ],
    ids=["only unreadable", "all quarantined", "too few"],
)
def test_rows_that_cannot_be_used_block_the_run_and_are_kept(
    damaged: Project, spoil: Callable[[Project], None], stage: str, reason: str
) -> None:
    spoil(damaged)
    result = damaged.run()
    last = result["stages"][-1]
    assert (result["code"], result["release"], last["stage"], last["outcome"]) == (10, None, stage, "blocked")
    assert re.search(reason, last["reason"])
    name = last["artifact"].removeprefix("sha256:")
    kept = {"ingest": "rejected/rejected.parquet", "validate": "quarantine/quarantine.parquet"}[stage]
    assert pq.read_table(damaged.store / name[:2] / name / kept).num_rows == last["rows_in"] - last["rows_out"]
    damaged.assert_whole()


# -- files that change while a run is under way -----------------------------------------------------------------------


def test_a_contract_or_use_case_edited_between_two_stages_is_refused_until_it_is_restored(damaged: Project) -> None:
    def stage(name: str) -> subprocess.CompletedProcess[str]:
        return damaged.call("stage", name, "--use-case", "small", "--run", "pinned")

    assert stage("ingest").returncode == 0
    contract, use_case = damaged.root / SOURCE_CONTRACT, damaged.root / USE_CASE
    original = contract.read_bytes()
    contract.write_bytes(
        original.replace(b"mlops.maxQuarantineShare, value: 0.15", b"mlops.maxQuarantineShare, value: 0.9")
    )
    shutil.rmtree(damaged.artifact("validate"))  # so that there is work to do under the contract
    done = stage("validate")
    assert done.returncode == 20
    assert_clear(done, "PURPOSE-002")
    contract.write_bytes(original)

    original = use_case.read_bytes()
    use_case.write_bytes(original.replace(b"max_minutes: 20", b"max_minutes: 30"))
    done = stage("validate")
    assert done.returncode == 20
    assert_clear(done, "RUN-003")
    use_case.write_bytes(original)

    done = stage("validate")
    assert done.returncode == 0, done.stderr
    assert damaged.digests["validate"] in done.stdout, "the same artifact again"
    damaged.assert_whole()


# -- places that cannot be written ------------------------------------------------------------------------------------


def tree_digest(folder: Path) -> str:
    """Of all names, modes and bytes."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        hasher.update(f"{path.relative_to(folder)} {path.lstat().st_mode}".encode())
        if path.is_file():
            hasher.update(path.read_bytes())
    return hasher.hexdigest()


def _without_override() -> None:
    """Root, too, obeys permissions in the process that is about to start."""
    pr_capbset_drop = 24
    if os.geteuid() == 0:
        for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
            ctypes.CDLL(None).prctl(pr_capbset_drop, capability)


def limited(project: Project, before: Callable[[], None], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``mlops`` in a process that was first taken something away."""
    return subprocess.run(
        command(*arguments),
        env=environment(project.root, {**QUIET, **places(project.root)}),
        cwd=project.root,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        preexec_fn=before,
    )


def test_a_workspace_that_cannot_be_made_is_named(damaged: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here is no folder")
    done = damaged.call("run", "small", MLOPS_WORKSPACE=str(tmp_path / "file" / "workspace"))
    assert done.returncode == 1
    assert_clear(done, "LEDGER-003")
    assert "MLOPS_WORKSPACE" in done.stderr


@pytest.mark.parametrize("part", ["", "store", pytest.param("runs", marks=pytest.mark.full)])
def test_a_read_only_workspace_is_named_and_left_as_it_is(project: Project, part: str) -> None:
    folder = project.workspace / part
    shutil.rmtree(project.artifact("ingest"))
    folders = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]
    modes = {path: path.stat().st_mode for path in folders}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    before = tree_digest(folder)
    try:
        done = limited(project, _without_override, "run", "small")
        after = tree_digest(folder)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert done.returncode == 1, done.stdout + done.stderr
    assert_clear(done, "LEDGER-005" if not part else "ARTIFACT-003")
    assert after == before
    again = project.call("stage", "ingest", "--use-case", "small", "--run", "later")
    assert again.returncode == 0
    project.assert_whole()


def _noise(number: int) -> str:
    """1536 characters that do not compress to less than half."""
    return "".join(hashlib.sha512(b"%d %d" % (number, part)).hexdigest() for part in range(12))


def test_a_disk_that_takes_no_more_is_named_and_the_next_run_goes_on(project: Project) -> None:
    """Every file is limited, as by a quota: the operating system refuses the bytes in the middle of a write."""
    row = readable_rows()[0]
    rows = [
        {**row, "messages": [{"role": "user", "content": _noise(number)}, row["messages"][1]]} for number in range(600)
    ]
    (project.root / SOURCE).write_text("\n".join(json.dumps(row) for row in rows) + "\n")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    stage = ("stage", "ingest", "--use-case", "small", "--run", "full")
    done = limited(project, limit, *stage)
    assert done.returncode == 1, done.stdout + done.stderr
    assert_clear(done, "ARTIFACT-003")
    project.assert_whole()
    assert project.call(*stage).returncode == 0
    project.assert_whole()


@pytest.fixture
def small_disk(project: Project) -> Iterator[Callable[[int], None]]:
    """The project's workspace on a disk of its own, which a call makes as large as so many KiB."""
    workspace, aside = project.workspace, project.root / "aside"
    workspace.rename(aside)
    workspace.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(workspace)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a disk of its own")
    shutil.copytree(aside, workspace, symlinks=True, dirs_exist_ok=True)

    def leave_free(kibibytes: int) -> None:
        disk = os.statvfs(workspace)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024
        option = f"remount,size={used + kibibytes}k"
        subprocess.run(["mount", "-o", option, str(workspace)], check=True)

    try:
        yield leave_free
    finally:
        subprocess.run(["umount", "-l", str(workspace)], check=True)


@pytest.mark.parametrize(
    ("free", "lost"),
    [
        (0, ()),
        (150, ("mask",)),
        *(pytest.param(free, ("mask", "train"), marks=pytest.mark.full) for free in (60, 300, 600, 1200)),
    ],
)
def test_a_full_disk_ends_the_run_clearly_and_with_more_space_it_goes_on(
    project: Project, small_disk: Callable[[int], None], free: int, lost: tuple[str, ...]
) -> None:
    for stage in lost:
        shutil.rmtree(project.artifact(stage))
    small_disk(free)
    done = project.call("run", "small")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert re.search(r"(ARTIFACT-003|LEDGER-005) .*(No space left|disk is full)", said), said
    small_disk(60_000)
    project.assert_whole()
    if lost:
        again = project.run()
        assert (again["code"], artifacts(again)) == (0, project.digests)
        assert len(events(project.ledger(), kinds=["registered"])) == 1
        project.assert_whole()
    assert project.verified().ok


# -- a ledger that is busy --------------------------------------------------------------------------------------------


def test_a_locked_ledger_is_named_after_a_while_and_nothing_is_changed(damaged: Project) -> None:
    before = len(events(damaged.ledger()))
    holder = sqlite3.connect(damaged.workspace / "ledger.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        done = damaged.call("run", "small")
    finally:
        holder.close()
    assert done.returncode == 1
    assert_clear(done, "LEDGER-005")
    assert "locked by another process" in done.stderr
    assert len(events(damaged.ledger())) == before
    damaged.assert_whole()


def test_a_ledger_that_is_locked_for_a_moment_costs_only_that_moment(damaged: Project) -> None:
    holder = sqlite3.connect(damaged.workspace / "ledger.db", isolation_level=None)
    arguments = command("stage", "ingest", "--use-case", "small", "--run", "moment")
    holder.execute("BEGIN IMMEDIATE")
    with subprocess.Popen(arguments, env=environment(damaged.root), cwd=damaged.root) as process:
        time.sleep(3)
        assert process.poll() is None, "it waits"
        holder.close()
        assert process.wait(60) == 0
    damaged.assert_whole()


# -- two runs at once, and Ctrl-C -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interrupted:
    """What happened when a run was met by a second one, stopped by Ctrl-C in train, and run again."""

    project: Project
    pid: int
    second: subprocess.CompletedProcess[str]
    stopped: dict[str, Any]
    stopped_after: float
    left: list[str]
    leaks: dict[str, set[str]]
    again: dict[str, Any]


def _until(stream: Iterator[str], wanted: Callable[[dict[str, Any]], bool], said: list[str]) -> None:
    for line in stream:
        said.append(line)
        if wanted(json.loads(line)):
            return
    raise AssertionError("it ended too early: " + "".join(said[-3:]))


@pytest.fixture(scope="module")
def interrupted(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    project = finished.copy_to(tmp_path_factory.mktemp("interrupted") / "project")
    shutil.rmtree(project.artifact("train"))
    more = environment(project.root, {**QUIET, **places(project.root)})
    said: list[str] = []
    with subprocess.Popen(
        command("run", "small", "--json"), env=more, cwd=project.root, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        _until(first.stdout, lambda item: item["event"] == "started", said)
        second = project.call("run", "small")
        _until(first.stdout, lambda item: item["event"] == "started" and item["stage"] == "train", said)
        _until(first.stdout, lambda item: item["event"] == "progress" and item["done"] >= 6, said)
        began = time.monotonic()
        first.send_signal(signal.SIGINT)
        said += first.stdout
        first.wait(120)
    stopped_after = time.monotonic() - began
    done = subprocess.CompletedProcess([], first.returncode, "".join(said), "")
    left = sorted(path.name for path in project.workspace.glob("checkpoints/*/checkpoint-*"))
    found = leaks(project.workspace, project.store)
    again = project.run()
    return Interrupted(project, first.pid, second, result_of(done), stopped_after, left, found, again)


def test_a_second_run_of_the_same_use_case_is_refused_and_names_the_first(interrupted: Interrupted) -> None:
    assert interrupted.second.returncode == 1
    assert_clear(interrupted.second, "LEDGER-020")
    assert f"mlops run small is already running (process {interrupted.pid} on " in interrupted.second.stderr
    assert interrupted.second.stdout == "", "nothing was begun"


def test_ctrl_c_in_train_saves_a_checkpoint_and_ends_with_1(interrupted: Interrupted) -> None:
    last = interrupted.stopped["stages"][-1]
    assert (interrupted.stopped["code"], last["stage"], last["event"]) == (1, "train", "failed")
    assert last["retryable"] is True
    assert "stopped" in last["error"]
    assert interrupted.left
    assert interrupted.stopped_after < 30


def test_checkpoints_of_a_stopped_run_hold_no_planted_value(interrupted: Interrupted) -> None:
    assert interrupted.leaks == {}


def test_after_ctrl_c_training_goes_on_to_the_adapter_of_an_uninterrupted_run(
    interrupted: Interrupted,
) -> None:
    project, again = interrupted.project, interrupted.again
    assert again["code"] == 0
    assert artifacts(again) == project.digests
    measured = json.loads((project.artifact("train") / "measurements.json").read_bytes())
    assert measured["resumed_from_step"] in {int(name.removeprefix("checkpoint-")) for name in interrupted.left}
    assert hits(again) == {stage: stage not in ("ingest", "train") for stage in project.digests}
    assert again["release"] == project.release
    assert len(events(project.ledger(), kinds=["registered"])) == 1
    assert not live(project.ledger())
    project.assert_whole()
    assert project.verified().ok


@pytest.mark.parametrize("seconds", [0.8, pytest.param(1.5, marks=pytest.mark.full), 3.0])
def test_ctrl_c_early_in_a_run_ends_with_1_and_says_that_it_was_stopped(damaged: Project, seconds: float) -> None:
    process = subprocess.Popen(
        command("run", "small"),
        env=environment(damaged.root, QUIET),
        cwd=damaged.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "stopped" in said
    assert "Traceback" not in said
    damaged.assert_whole()


@pytest.mark.full
@pytest.mark.parametrize("stage", [stage for stage in STAGE_NAMES if stage != "train"])
def test_ctrl_c_in_any_stage_ends_with_1_and_the_next_run_comes_to_the_same_end(project: Project, stage: str) -> None:
    shutil.rmtree(project.artifact(stage))
    said: list[str] = []
    with subprocess.Popen(
        command("run", "small", "--json"),
        env=environment(project.root, QUIET),
        cwd=project.root,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        _until(process.stdout, lambda item: item["event"] == "started" and item["stage"] == stage, said)
        process.send_signal(signal.SIGINT)
        said += process.stdout
        code = process.wait(120)
    assert (code, json.loads(said[-1])["code"]) == (1, 1)
    assert "stopped" in json.loads(said[-1])["stages"][-1]["error"]
    project.assert_whole()
    again = project.run()
    assert (again["code"], artifacts(again), again["release"]) == (0, project.digests, project.release)
    assert len(events(project.ledger(), kinds=["registered"])) == 1
    project.assert_whole()


# -- and afterwards ---------------------------------------------------------------------------------------------------


def test_after_all_of_this_a_good_run_still_takes_everything_from_the_store(damaged: Project) -> None:
    """The folder that the tests above spoiled and put right again."""
    again = damaged.run()
    assert (again["code"], artifacts(again)) == (0, damaged.digests)
    assert sum(hits(again).values()) == len(damaged.digests) - 1
    assert again["release"] == damaged.release
    damaged.assert_whole()
    assert damaged.verified().ok
