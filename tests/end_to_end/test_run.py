"""A run from the source to the champion, run again, changed, refused, approved and taken back."""

from __future__ import annotations

import json
import re

import pytest

from mlops.ledger.events import events
from mlops.pipeline import STAGE_NAMES, STAGES
from tests.end_to_end.conftest import Project, hits
from tests.small_project import artifacts

AFTER_CURATE = {"ingest": False, "validate": True, "mask": True, "curate": True}
"""Ingest reads a live source each time; what follows is taken from the store while nothing changed."""


def registered(project: Project) -> dict[str, str]:
    """Release to its standing."""
    listed = json.loads(project.call("registry", "list", "--json").stdout)
    return {row["release"]: row["standing"] for row in listed["releases"]}


def unclear(project: Project) -> None:
    """Put the threshold into the middle of the interval: nobody can tell."""
    rules = project.first["stages"][-2]["figures"]["metrics"]
    value = next(rule["value"] for rule in rules if rule["rule"] == "ceiling")
    project.edit("ceiling: 20.0", f"ceiling: {value}")


# -- the first run ----------------------------------------------------------------------------------------------------


def test_a_first_run_goes_through_all_stages_and_promotes_its_release(finished: Project) -> None:
    assert [item["stage"] for item in finished.first["stages"]] == list(STAGE_NAMES)
    assert {item["outcome"] for item in finished.first["stages"]} == {"done"}
    assert finished.first["code"] == 0
    assert finished.first["promotion"] == "promoted: it is the champion now"
    assert finished.champion() == finished.release
    finished.assert_whole()
    assert finished.verified().ok


def test_no_row_is_lost_between_two_stages(finished: Project) -> None:
    said = {item["stage"]: item for item in finished.first["stages"]}
    assert said["ingest"]["rows_in"] - said["ingest"]["rows_out"] == said["ingest"]["figures"]["rejected"] > 0
    for stage in ("validate", "mask"):
        assert said[stage]["rows_in"] - said[stage]["rows_out"] == said[stage]["figures"]["quarantined"] > 0
    curate = said["curate"]
    assert curate["rows_in"] - curate["rows_out"] == sum(curate["figures"]["removed"].values())
    for upstream, stage in (("ingest", "validate"), ("validate", "mask"), ("mask", "curate")):
        assert said[upstream]["rows_out"] == said[stage]["rows_in"]


def test_the_release_verifies_offline(finished: Project) -> None:
    done = finished.call("verify", finished.release, "--offline", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["ok"]
    assert {check["name"] for check in report["checks"] if not check["ok"]} == set()


def test_a_flipped_byte_in_any_artifact_of_the_release_is_seen_by_verify(project: Project) -> None:
    for stage in STAGE_NAMES:
        files = [path for path in project.artifact(stage).rglob("*") if path.is_file()]
        file = max(files, key=lambda path: path.stat().st_size)
        content = file.read_bytes()
        file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        assert not project.verified().ok, f"{stage}: {file.name}"
        if stage == "mask":
            done = project.call("verify", project.release, "--offline")
            assert (done.returncode, "NOT verified" in done.stdout) == (10, True)
        file.write_bytes(content)
    assert project.verified().ok


def test_lists_and_pages_tell_of_the_run_and_its_release(finished: Project) -> None:
    run = finished.first["run"]
    rows = json.loads(finished.call("runs", "list", "--json").stdout)
    assert [(row["run"], row["outcome"], row["release"]) for row in rows] == [(run, "done", finished.release)]
    kinds = [event["kind"] for event in json.loads(finished.call("runs", "show", run, "--json").stdout)]
    assert kinds.count("stage_done") == len(STAGES)
    assert kinds[0] == "run_started"
    assert [kind for kind in kinds if not kind.startswith("stage_")][1:] == [
        "gate_verdict",
        "registered",
        "promoted",
        "run_finished",
    ]
    assert registered(finished) == {finished.release: "champion"}
    shown = json.loads(finished.call("registry", "show", finished.release, "--json").stdout)
    assert (shown["verdict"], shown["compared_with"], shown["approvals"]) == ("PASS", None, [])
    assert finished.release in finished.call("registry", "show", finished.release).stdout


def test_a_rollback_with_nothing_to_return_to_says_so(finished: Project) -> None:
    done = finished.call("registry", "rollback", "small", "--reason", "just to see")
    assert done.returncode == 20
    assert "REGISTRY-051 expected an earlier champion to return to, found none" in done.stderr
    assert finished.champion() == finished.release


# -- run again --------------------------------------------------------------------------------------------------------


def test_a_second_run_takes_everything_from_the_store_and_makes_no_second_release(project: Project) -> None:
    done = project.call("run", "small")
    assert done.returncode == 0, done.stderr
    assert "champion already" in done.stdout
    assert re.search(r"verified: (\d+) of \1 checks hold", done.stdout)
    assert len(re.findall(r"│ hit ", done.stdout)) == len(STAGES) - 1
    ledger = project.ledger()
    made = [event for event in events(ledger, kinds=["stage_done"]) if event.run != project.first["run"]]
    assert {event.stage: event.body["artifact"] for event in made} == project.digests
    assert len(events(ledger, kinds=["registered"])) == len(events(ledger, kinds=["promoted"])) == 1
    project.assert_whole()


def test_new_papers_for_the_same_adapter_are_a_new_release_that_replaces_the_old_one(project: Project) -> None:
    project.edit("The pipeline at its smallest.", "The same, in other words.")
    second = project.run()
    assert second["code"] == 0
    assert hits(second) == {**AFTER_CURATE, "train": True, "evaluate": True, "gate": True, "register": False}
    assert second["promotion"] == "promoted: it is the champion now"
    assert registered(project) == {project.release: "retired", second["release"]: "champion"}

    assert project.call("registry", "rollback", "small", "--reason", "wrong words").returncode == 0
    again = project.run()
    assert again["release"] == second["release"], "the same inputs give the same release"
    assert "rolled back by a person" in again["promotion"]
    assert project.champion() == project.release, "a run does not undo what a person decided"


# -- changed ----------------------------------------------------------------------------------------------------------


def test_a_changed_recipe_trains_again_is_compared_with_the_champion_and_can_be_taken_back(project: Project) -> None:
    project.edit("  seed: 3", "  seed: 4")
    second = project.run()
    assert second["code"] == 0, second
    assert hits(second) == {**AFTER_CURATE, "train": False, "evaluate": False, "gate": False, "register": False}
    assert artifacts(second)["train"] != project.digests["train"]
    rules = {rule["rule"]: rule["outcome"] for rule in second["stages"][-2]["figures"]["metrics"]}
    assert rules == {"ceiling": "PASS", "versus base": "PASS", "versus champion": "PASS"}
    assert registered(project) == {project.release: "retired", second["release"]: "champion"}
    shown = json.loads(project.call("registry", "show", second["release"], "--json").stdout)
    assert shown["compared_with"] == project.release

    done = project.call("registry", "rollback", "small", "--reason", "customers complain")
    assert (done.returncode, done.stdout) == (0, f"small: {second['release']} → {project.release}\n")
    assert registered(project) == {project.release: "champion", second["release"]: "rolled_back"}
    project.assert_whole()
    assert project.verified().ok


# -- refused ----------------------------------------------------------------------------------------------------------


def test_a_failing_gate_blocks_makes_no_release_and_blocks_again_from_the_store(project: Project) -> None:
    project.edit("ceiling: 20.0", "ceiling: 0.001")
    first, second = project.run(), project.run()
    for result in (first, second):
        assert (result["code"], result["release"]) == (10, None)
        assert [item["stage"] for item in result["stages"]][-1] == "gate"
        assert result["stages"][-1]["reason"] == "the gate says FAIL"
    assert hits(first)["gate"] is False
    assert hits(second)["gate"] is True
    assert artifacts(first)["gate"] == artifacts(second)["gate"]
    assert registered(project) == {project.release: "champion"}
    outcomes = [row["outcome"] for row in json.loads(project.call("runs", "list", "--json").stdout)]
    assert outcomes == ["blocked", "blocked", "done"]


@pytest.mark.full
def test_an_inconclusive_gate_goes_to_people_where_the_use_case_says_so(project: Project) -> None:
    unclear(project)
    project.edit("on_inconclusive: block", "on_inconclusive: approval")
    project.edit("approval: {required: never}", "approval: {required: on_inconclusive}")
    sent = project.run()
    assert (sent["code"], sent["promotion"]) == (0, "registered, waits for approval")
    assert registered(project) == {project.release: "champion", sent["release"]: "pending_approval"}


def test_an_inconclusive_gate_blocks(project: Project) -> None:
    unclear(project)
    blocked = project.run()
    assert (blocked["code"], blocked["release"]) == (10, None)
    assert blocked["stages"][-1]["reason"] == "the gate says INCONCLUSIVE"
    assert registered(project) == {project.release: "champion"}


# -- approved ---------------------------------------------------------------------------------------------------------


def test_a_release_that_needs_approval_waits_for_another_person(project: Project) -> None:
    project.edit("approval: {required: never}", "approval: {required: always}")
    result = project.run()
    release = result["release"]
    assert (result["code"], result["promotion"]) == (0, "registered, waits for approval")
    assert project.champion() == project.release

    early = project.call("registry", "promote", release)
    assert early.returncode == 20
    assert "REGISTRY-041" in early.stderr
    ask = ("registry", "approve", release, "--statement", "read the report")
    owner = project.call(*ask, "--approver", "Test-Team")
    assert owner.returncode == 20
    assert "REGISTRY-031" in owner.stderr
    assert project.call(*ask, "--approver", "someone-else").returncode == 0
    assert project.champion() == project.release, "an approval promotes nothing by itself"
    done = project.call("registry", "promote", release)
    assert (done.returncode, done.stdout) == (0, f"{release}: champion now\n")
    assert project.champion() == release
    assert project.call("verify", release, "--offline").returncode == 0
