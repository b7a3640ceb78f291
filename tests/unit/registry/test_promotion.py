"""Promise: the champion changes only by an allowed decision, one at a time, and every change can be taken back."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.ledger.events import Event, events
from mlops.ledger.store import open_ledger
from mlops.registry import promotion
from mlops.registry.actions import approve_release, promote_release, reject_release, rollback_release
from mlops.registry.config import ApprovalSection
from mlops.registry.errors import RegistryError
from mlops.registry.state import champion, history, inconsistencies, lineup, releases, standing

from .conftest import OWNER, TRIGGER, USE_CASE, Bench

TWO = ApprovalSection(required="always", quorum=2)


def approve(bench: Bench, release: str, approver: str, **options: Any) -> bool:
    return promotion.approve(
        bench.ledger, release, approver=approver, statement="read it", triggered_by=None, owner=None, **options
    )[1]


def promote(bench: Bench, release: str, expected: str | None, **options: Any) -> tuple[Event, bool]:
    return promotion.promote(bench.ledger, USE_CASE, release, expected_champion=expected, actor="operator", **options)


def serving(bench: Bench) -> str | None:
    return champion(events(bench.ledger), USE_CASE)


def standing_of(bench: Bench, release: str) -> str:
    registry = events(bench.ledger)
    return standing(releases(registry)[release], history(registry, USE_CASE))


def code_of(caught: pytest.ExceptionInfo[RegistryError]) -> str:
    assert caught.value.exit_code == 20
    return caught.value.code


def test_a_passed_release_is_promoted_once(bench: Bench) -> None:
    release = bench.release()
    assert standing_of(bench, release) == "registered"
    first, fresh = promote(bench, release, None)
    again, repeated = promote(bench, release, None)
    assert (fresh, repeated) == (True, False)
    assert again == first
    assert first.body == {"release": release, "previous": None}
    assert serving(bench) == release
    assert standing_of(bench, release) == "champion"


def test_an_unknown_release_is_refused(bench: Bench) -> None:
    bench.run("run-1")
    with pytest.raises(RegistryError) as caught:
        promote(bench, f"{USE_CASE}-0123456789ab", None)
    assert code_of(caught) == "REGISTRY-021"
    assert serving(bench) is None


def test_a_release_of_another_use_case_is_refused(bench: Bench) -> None:
    release = bench.release()
    with pytest.raises(RegistryError) as caught:
        promotion.promote(bench.ledger, "another", release, expected_champion=None, actor=None)
    assert code_of(caught) == "REGISTRY-040"


@pytest.mark.parametrize(
    ("verdict", "approval", "answers_needed"),
    [
        ("PASS", ApprovalSection(), 0),
        ("PASS", ApprovalSection(required="never"), 0),
        ("PASS", ApprovalSection(required="always"), 1),
        ("PASS", TWO, 2),
        ("INCONCLUSIVE", ApprovalSection(), 1),
        ("INCONCLUSIVE", ApprovalSection(quorum=2), 2),
        ("INCONCLUSIVE", ApprovalSection(required="never"), 1),
    ],
)
def test_promotion_needs_exactly_the_declared_approvals(
    bench: Bench, verdict: str, approval: ApprovalSection, answers_needed: int
) -> None:
    release = bench.release(verdict=verdict, approval=approval)
    for number in range(answers_needed):
        with pytest.raises(RegistryError) as caught:
            promote(bench, release, None)
        assert code_of(caught) == "REGISTRY-041"
        assert standing_of(bench, release) == "pending_approval"
        assert approve(bench, release, f"person-{number}")
    assert promote(bench, release, None)[1]


def test_one_person_is_one_vote_however_the_name_is_spelt(bench: Bench) -> None:
    release = bench.release(approval=TWO)
    assert approve(bench, release, "second-account")
    assert not approve(bench, release, "second-account")
    assert not approve(bench, release, " Second-Account ")
    with pytest.raises(RegistryError):
        promote(bench, release, None)


@pytest.mark.parametrize("name", [OWNER, TRIGGER, OWNER.upper(), f" {TRIGGER} "])
def test_owner_and_trigger_may_not_approve(bench: Bench, name: str) -> None:
    release = bench.release(verdict="INCONCLUSIVE")
    with pytest.raises(RegistryError) as caught:
        approve(bench, release, name)
    assert code_of(caught) == "REGISTRY-031"


@pytest.mark.parametrize("party", ["triggered_by", "owner"])
def test_a_party_that_only_the_caller_knows_may_not_approve(bench: Bench, party: str) -> None:
    release = bench.release(verdict="INCONCLUSIVE")
    parties: dict[str, Any] = {"triggered_by": None, "owner": None, party: "web-user"}
    with pytest.raises(RegistryError) as caught:
        promotion.approve(bench.ledger, release, approver="web-user", statement="fine", **parties)
    assert code_of(caught) == "REGISTRY-031"


def test_declared_roles_are_asked_for(bench: Bench) -> None:
    release = bench.release(approval=ApprovalSection(required="always", roles=("ml-lead",)))
    for role in (None, "intern"):
        with pytest.raises(RegistryError) as caught:
            approve(bench, release, "second-account", role=role)
        assert code_of(caught) == "REGISTRY-032"
    assert approve(bench, release, "second-account", role="ml-lead")


@pytest.mark.parametrize(("approver", "statement"), [("", "x"), ("  ", "x"), ("a", ""), ("a", "  "), ("a", "x" * 2001)])
def test_an_answer_names_a_person_and_a_reason(bench: Bench, approver: str, statement: str) -> None:
    with pytest.raises(RegistryError) as caught:
        promotion.approve(bench.ledger, "x", approver=approver, statement=statement, triggered_by=None, owner=None)
    assert code_of(caught) == "REGISTRY-030"


def test_a_rejection_is_final(bench: Bench) -> None:
    release = bench.release()
    assert reject_release(bench.desk, release, approver="second-account", statement="no")
    assert standing_of(bench, release) == "rejected"
    with pytest.raises(RegistryError) as caught:
        promote(bench, release, None)
    assert code_of(caught) == "REGISTRY-041"
    with pytest.raises(RegistryError) as caught:
        approve(bench, release, "third-account")
    assert code_of(caught) == "REGISTRY-033"
    assert bench.verify(release, online=True).ok


def test_a_champion_that_moved_refuses_the_promotion(bench: Bench) -> None:
    one, two, three = (bench.release(f"run-{v}", variant=v) for v in "abc")
    promote(bench, one, None)
    promote(bench, two, one)
    for expected in (None, one, three):
        with pytest.raises(RegistryError) as caught:
            promote(bench, three, expected)
        assert code_of(caught) == "REGISTRY-042"
    assert serving(bench) == two


def test_a_run_promotes_once_even_after_a_rollback(bench: Bench) -> None:
    one, two = bench.release("run-a", variant="a"), bench.release("run-b", variant="b")
    promote(bench, one, None, run="run-a")
    promote(bench, two, one, run="run-b")
    promotion.rollback(bench.ledger, USE_CASE, actor="operator", reason="worse")
    event, fresh = promote(bench, two, one, run="run-b")
    assert not fresh
    assert event.body == {"release": two, "previous": one}
    assert serving(bench) == one
    assert promote(bench, two, one, run="run-c")[1]


def _race(url: str, release: str, start: Any, results: Any) -> None:
    ledger = open_ledger(url)
    start.wait()
    try:
        _, fresh = promotion.promote(ledger, USE_CASE, release, expected_champion=None, actor="racer")
        results.put("fresh" if fresh else "repeated")
    except RegistryError as error:
        results.put(error.code)


def test_of_two_processes_with_two_releases_one_wins(bench: Bench) -> None:
    contenders = [bench.release(f"run-{v}", variant=v) for v in "ab"]
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    url = f"sqlite:///{bench.workspace / 'ledger.db'}"
    processes = [context.Process(target=_race, args=(url, release, start, results)) for release in contenders]
    for process in processes:
        process.start()
    answers = sorted(results.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    assert answers == ["REGISTRY-042", "fresh"]
    assert len(history(events(bench.ledger), USE_CASE)) == 1


def test_of_many_threads_with_one_release_one_promotes(bench: Bench) -> None:
    release = bench.release()
    with ThreadPoolExecutor(6) as pool:
        fresh = [answer[1] for answer in pool.map(lambda _: promote(bench, release, None), range(6))]
    assert sorted(fresh) == [False] * 5 + [True]
    assert len(history(events(bench.ledger), USE_CASE)) == 1


def test_rollbacks_go_back_one_by_one_and_stop_at_the_first(bench: Bench) -> None:
    one, two, three = (bench.release(f"run-{v}", variant=v) for v in "abc")
    for release, before in ((one, None), (two, one), (three, two)):
        promote(bench, release, before)
    assert rollback_release(bench.desk, USE_CASE, reason="slow") == two
    assert standing_of(bench, three) == "rolled_back"
    assert rollback_release(bench.desk, USE_CASE, reason="slow too") == one
    assert standing_of(bench, one) == "champion"
    with pytest.raises(RegistryError) as caught:
        rollback_release(bench.desk, USE_CASE, reason="again")
    assert code_of(caught) == "REGISTRY-051"
    for release in (one, two, three):
        assert bench.failed(release, online=True) == {}


def test_rollback_to_a_named_release(bench: Bench) -> None:
    one, two, three, four = (bench.release(f"run-{v}", variant=v) for v in "abcd")
    for release, before in ((one, None), (two, one), (three, two)):
        promote(bench, release, before)
    for wrong in (three, four, "nothing"):
        with pytest.raises(RegistryError) as caught:
            promotion.rollback(bench.ledger, USE_CASE, actor=None, reason="x", to=wrong)
        assert code_of(caught) == "REGISTRY-052"
    assert promotion.rollback(bench.ledger, USE_CASE, actor=None, reason="x", to=one) == one
    assert standing_of(bench, two) == "retired"
    assert standing_of(bench, three) == "rolled_back"


def test_a_run_rolls_back_once(bench: Bench) -> None:
    one, two, three = (bench.release(f"run-{v}", variant=v) for v in "abc")
    for release, before in ((one, None), (two, one), (three, two)):
        promote(bench, release, before)
    for _ in range(3):
        assert promotion.rollback(bench.ledger, USE_CASE, actor=None, reason="x", run="monitor-1") == two


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_a_rollback_has_a_reason(bench: Bench, reason: str) -> None:
    with pytest.raises(RegistryError) as caught:
        promotion.rollback(bench.ledger, USE_CASE, actor=None, reason=reason)
    assert code_of(caught) == "REGISTRY-050"


def test_a_release_that_does_not_verify_is_not_promoted(bench: Bench) -> None:
    release = bench.release()
    (bench.root / "base_models/tiny/config.json").write_bytes(b"{}")
    with pytest.raises(RegistryError) as caught:
        promote_release(bench.desk, release, expected_champion=None)
    assert code_of(caught) == "REGISTRY-061"
    assert serving(bench) is None


def test_a_rollback_happens_even_when_its_proof_cannot_be_renewed(bench: Bench) -> None:
    one, two = bench.release("run-a", variant="a"), bench.release("run-b", variant="b")
    promote_release(bench.desk, one, expected_champion=None)
    promote_release(bench.desk, two, expected_champion=one)
    (bench.folder(two) / "events.jsonl").write_bytes(b"changed")
    assert rollback_release(bench.desk, USE_CASE, reason="worse") == one
    assert serving(bench) == one


def fake_change(number: int, kind: str, release: str, previous: str | None) -> Event:
    body = {"release": release, "previous": previous}
    return Event(number, "2026-01-01T00:00:00+00:00", kind, USE_CASE, None, None, None, "a", None, body, "", "")


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["promote", "rollback"]), st.sampled_from("ABCD")), max_size=20))
def test_no_rollback_ever_returns_to_what_was_rolled_back_since_its_last_promotion(
    steps: list[tuple[str, str]],
) -> None:
    log: list[Event] = []
    unhealthy: set[str] = set()
    for step, release in steps:
        stack = lineup(history(log, USE_CASE))
        now = stack[-1] if stack else None
        if step == "promote" and release != now:
            log.append(fake_change(len(log) + 1, "promoted", release, now))
            unhealthy.discard(release)
        elif step == "rollback" and [name for name in stack[:-1] if name != now]:
            target = promotion._rollback_target(USE_CASE, stack, None)
            assert target not in unhealthy
            assert now is not None
            unhealthy.add(now)
            log.append(fake_change(len(log) + 1, "rolled_back", target, now))
            assert champion(log, USE_CASE) == target


def test_every_way_through_leaves_a_consistent_registry(bench: Bench) -> None:
    one = bench.release("run-a", variant="a")
    two = bench.release("run-b", variant="b", verdict="INCONCLUSIVE", champion=one)
    promote_release(bench.desk, one, expected_champion=None)
    approve_release(bench.desk, two, approver="second-account", statement="fine")
    promote_release(bench.desk, two, expected_champion=releases(events(bench.ledger))[two].compared_with)
    rollback_release(bench.desk, USE_CASE, reason="worse")
    assert inconsistencies(events(bench.ledger)) == []
    assert bench.failed(one, online=True) == {}
    assert bench.failed(two, online=True) == {}
