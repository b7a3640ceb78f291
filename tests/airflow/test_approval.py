"""A person's answer in Airflow's UI, as the REST API gives it: who may answer, and what becomes of each answer."""

from __future__ import annotations

import pytest

from mlops_airflow.local_airflow import APPROVER, AUTHOR, SECOND_APPROVER
from mlops_airflow.rest import RestError
from tests.airflow.live import LiveAirflow


def test_two_different_people_promote_a_release(airflow: LiveAirflow) -> None:
    dag = "asked__finetune"
    name = airflow.trigger(dag)

    airflow.answer(dag, name, "approve_1", AUTHOR, "Approve")
    assert airflow.wait(dag, name) == "failed"
    assert "REGISTRY-031" in airflow.log(dag, name, "approve_1", airflow.tasks(dag, name)["approve_1"]["try_number"])

    airflow.clear(dag, name, "approve_1")
    airflow.answer(dag, name, "approve_1", APPROVER, "Approve")
    airflow.answer(dag, name, "approve_2", APPROVER, "Approve")
    assert airflow.wait(dag, name) == "failed"
    assert airflow.events(dag, name, "promoted") == []

    airflow.clear(dag, name, "approve_2")
    airflow.answer(dag, name, "approve_2", SECOND_APPROVER, "Approve")
    assert airflow.wait(dag, name) == "success", airflow.failures(dag, name)

    refused = [(e.body["approver"], e.body["code"]) for e in airflow.events(dag, name, "approval_refused")]
    assert refused == [(AUTHOR, "REGISTRY-031"), (APPROVER, "APPROVAL-002")]
    approved = [(e.actor, e.body["approver"]) for e in airflow.events(dag, name, "approved")]
    assert approved == [(APPROVER, APPROVER), (SECOND_APPROVER, SECOND_APPROVER)]
    assert len(airflow.events(dag, name, "promoted")) == 1


def test_a_rejection_is_recorded_and_final(airflow: LiveAirflow) -> None:
    dag = "refused__finetune"
    name = airflow.trigger(dag)
    airflow.wait_task(dag, name, "approve_1", "awaiting_input")
    with pytest.raises(RestError, match="403"):
        airflow.answer(dag, name, "approve_1", "viewer", "Approve")
    airflow.answer(dag, name, "approve_1", APPROVER, "Reject", "the amounts are wrong")
    assert airflow.wait(dag, name) == "failed"
    (event,) = airflow.events(dag, name, "rejected")
    assert (event.actor, event.body["statement"]) == (APPROVER, "the amounts are wrong")

    airflow.clear(dag, name, "approve_1")
    assert airflow.wait(dag, name) == "failed"
    attempt = airflow.tasks(dag, name)["approve_1"]["try_number"]
    assert "APPROVAL-001" in airflow.log(dag, name, "approve_1", attempt)
    assert airflow.events(dag, name, "promoted") == []


def test_silence_promotes_nothing(airflow: LiveAirflow) -> None:
    dag = "lapsing__finetune"
    name = airflow.trigger(dag)
    assert airflow.wait(dag, name) == "failed"
    (event,) = airflow.events(dag, name, "approval_lapsed")
    assert event.body["number"] == 1
    assert airflow.tasks(dag, name)["promote"]["state"] == "upstream_failed"
    assert airflow.events(dag, name, "promoted") == []
