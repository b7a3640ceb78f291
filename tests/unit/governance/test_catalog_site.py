"""The folder of the catalog: whole or not at all, and never in place of something else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.artifacts import StorageError
from mlops.contracts.errors import ContractError
from mlops.governance.catalog import site
from mlops.governance.catalog.site import MARKER, write_site

MARK = json.dumps({"made_by": "mlops contract catalog"}).encode()
OLD = {MARKER: MARK, "index.html": b"old", "contracts/gone.html": b"old"}
NEW = {MARKER: MARK, "index.html": b"new", "contracts/here.html": b"new"}


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "a catalog"])
def test_the_folder_holds_the_new_catalog_and_nothing_else(tmp_path: Path, before: str):
    folder = tmp_path / "deep" / "site"
    if before != "nothing":
        folder.mkdir(parents=True)
    if before == "a catalog":
        write_site(OLD, folder)
    write_site(NEW, folder)
    assert content(folder) == NEW
    assert [path.name for path in folder.parent.iterdir()] == ["site"]


def test_what_a_killed_call_left_is_swept_and_one_under_way_is_not(tmp_path: Path):
    killed, under_way = tmp_path / ".site.catalog-a", tmp_path / ".site.catalog-b"
    for left in (killed, under_way):
        (left / "new").mkdir(parents=True)
    os.utime(killed, (0, 0))
    write_site(NEW, tmp_path / "site")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.catalog-b", "site"]


def test_others_may_read_it(tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_site(NEW, tmp_path / "site")
    finally:
        os.umask(before)
    for path in [tmp_path / "site", *(tmp_path / "site").rglob("*")]:
        assert path.stat().st_mode & 0o055 == (0o055 if path.is_dir() else 0o044)


def place_file(folder: Path) -> None:
    folder.write_text("precious")


def place_folder(folder: Path) -> None:
    folder.mkdir()
    (folder / "precious.txt").write_text("precious")


def place_other_marker(folder: Path) -> None:
    folder.mkdir()
    (folder / MARKER).write_text('{"made_by": "somebody else"}')


def place_torn_marker(folder: Path) -> None:
    folder.mkdir()
    (folder / MARKER).write_text("[")


def place_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def place_dangling_link(folder: Path) -> None:
    folder.symlink_to(folder.parent / "nowhere")


@pytest.mark.parametrize(
    "place",
    [place_file, place_folder, place_other_marker, place_torn_marker, place_link, place_dangling_link],
    ids=lambda place: place.__name__,
)
def test_what_is_no_catalog_is_left_alone(tmp_path: Path, place):
    folder = tmp_path / "site"
    place(folder)
    before = content(tmp_path)
    with pytest.raises(ContractError) as refused:
        write_site(NEW, folder)
    assert refused.value.code == "CONTRACT-080"
    assert str(folder) in str(refused.value)
    assert content(tmp_path) == before


def test_a_disk_that_refuses_leaves_the_old_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "site"
    write_site(OLD, folder)
    rename, seen = os.rename, []

    def refuse_the_new_one(source: Path, target: Path) -> None:
        seen.append(Path(source).name)
        if seen == ["site", "new"]:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(site.os, "rename", refuse_the_new_one)
    with pytest.raises(StorageError):
        write_site(NEW, folder)
    monkeypatch.undo()
    assert content(folder) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


KILLED = """
import os, signal, sys
from pathlib import Path
from mlops.governance.catalog import site

folder, calls, stop = Path(sys.argv[1]), 0, int(sys.argv[2])

def counted(call):
    def run(*arguments):
        global calls
        calls += 1
        if calls == stop:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return run

site.write_atomic = counted(site.write_atomic)
site.os = type("Os", (), {"rename": staticmethod(counted(os.rename))})
site.shutil = type("Shutil", (), {"rmtree": staticmethod(counted(__import__("shutil").rmtree))})
new = {name: b"new" for name in ("index.html", "contracts/here.html")}
site.write_site({"catalog.json": b'{"made_by": "mlops contract catalog"}', **new}, folder)
print("done", calls)
"""


def test_a_kill_at_any_step_leaves_the_old_catalog_the_new_one_or_none(tmp_path: Path):
    expected = {MARKER: b'{"made_by": "mlops contract catalog"}', "index.html": b"new", "contracts/here.html": b"new"}
    seen = set()
    for stop in range(1, 9):
        folder = tmp_path / str(stop) / "site"
        write_site(OLD, folder)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(stop)], capture_output=True, text=True, check=False
        )
        found = content(folder) if folder.exists() else None
        assert found in (OLD, expected, None)
        seen.add("none" if found is None else "old" if found == OLD else "new")
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert done.returncode == 0, "the loop did not reach the last step"
    assert seen == {"old", "none", "new"}


@pytest.mark.parametrize("command", ["catalog", "card"])
def test_the_command_writes_what_it_says(reviewed, tmp_path: Path, command: str):
    out = tmp_path / "out"
    arguments = [str(reviewed.root / "data_contracts" / "sgd_dialogues.odcs.yaml"), "--out", str(out)]
    done = mlops(reviewed, command, *arguments)
    assert done.returncode == 0, done.stderr
    if command == "catalog":
        assert done.stdout == f"1 contract(s): {out}/index.html\n"
        assert set(content(out)) == {"catalog.json", "index.html", "contracts/sgd_dialogues.html"}
    else:
        assert out.read_text() == mlops(reviewed, command, arguments[0]).stdout


def test_without_names_all_contracts_of_the_project_are_shown(reviewed, tmp_path: Path):
    done = mlops(reviewed, "catalog", "--out", str(tmp_path / "site"))
    assert done.stdout == f"5 contract(s), 1 of them broken: {tmp_path}/site/index.html\n"
    assert len(json.loads((tmp_path / "site" / MARKER).read_text())["contracts"]) == 4


def test_refusals_of_the_command_are_one_line_and_leave_nothing(reviewed, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    refused = mlops(reviewed, "catalog", "--out", str(tmp_path / "mine"))
    empty = mlops(reviewed, "catalog", "--out", str(tmp_path / "site"), str(tmp_path / "mine"))
    broken = mlops(reviewed, "card", str(reviewed.root / "data_contracts" / "torn.odcs.yaml"))
    for done, code in ((refused, "CONTRACT-080"), (empty, "CONTRACT-012"), (broken, "CONTRACT-003")):
        assert (done.returncode, done.stdout) == (20, "")
        assert done.stderr.startswith("error: ")
        assert code in done.stderr
        assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def mlops(reviewed, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {"MLOPS_ROOT": str(reviewed.root), "MLOPS_WORKSPACE": str(reviewed.work)}
    return subprocess.run(
        [sys.executable, "-m", "mlops", "contract", *arguments],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
