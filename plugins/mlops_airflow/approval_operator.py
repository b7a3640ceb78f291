"""ReleaseApproval: a person answers in Airflow's own UI, and the answer becomes an event of the ledger.

Built on HITLOperator, not ApprovalOperator, whose rejection skips what follows and ends the run as a success. There is
no default answer: nobody's silence promotes a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from mlops_airflow.actions import act
from mlops_airflow.links import ReleaseLink, ReportLink
from mlops_airflow.trigger import actor_of

APPROVE, REJECT = "Approve", "Reject"


class ReleaseApproval(HITLOperator):
    """Ask one person whether the run's release may serve, and record what they say.

    Skips itself when the gate spec asks nobody. A rejection, an answer of somebody who may not answer (the owner, who
    triggered the run, the same person twice) and a lapse are recorded and fail the task, hence the run.

    Args:
        use_case: name of the use case.
        number: 1, or 2 for the second person of a quorum.
        holders: account to role; empty when any account may answer.
        hours: time to answer.
    """

    operator_extra_links = (ReportLink(), ReleaseLink())

    def __init__(self, *, use_case: str, number: int, holders: Mapping[str, str], hours: float, **kwargs: Any) -> None:
        super().__init__(
            subject="",
            options=[APPROVE, REJECT],
            params={"statement": ""},
            assigned_users=[{"id": account, "name": account} for account in sorted(holders)] or None,
            response_timeout=timedelta(hours=hours),
            **kwargs,
        )
        self.use_case = use_case
        self.number = number
        self.holders = dict(holders)

    def execute(self, context: Any) -> Any:
        """Ask, or skip where nobody has to be asked."""
        from mlops.approval_request import approval_request

        request = act(approval_request, context, self.use_case, number=self.number)
        if not request.asked:
            raise AirflowSkipException(f"the gate says {request.release.verdict}: no further approval is needed")
        self.subject, self.body = request.subject, request.body
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Record the answer.

        Returns:
            The release's name.
        """
        from mlops.approval_request import record_answer, record_lapse

        if event.get("error_type") == "timeout":
            asked_at = str(context["ti"].max_tries)
            act(record_lapse, context, self.use_case, number=self.number, asked_at=asked_at)
        answer = super().execute_complete(context, event)
        triggered_by = actor_of(context["dag_run"])
        person = _account(answer["responded_by_user"], triggered_by)
        return act(
            record_answer,
            context,
            self.use_case,
            number=self.number,
            approver=person,
            approves=answer["chosen_options"] == [APPROVE],
            statement=str(answer["params_input"].get("statement") or "").strip() or "answered in Airflow, no statement",
            role=self.holders.get(answer["responded_by_user"]["id"]) or self.holders.get(person),
            triggered_by=triggered_by,
        )


def _account(user: Mapping[str, str], triggered_by: str) -> str:
    """The name of who answered, as Airflow writes it of who triggered: under some auth managers the id is a number."""
    return user["id"] if user["id"] == triggered_by else user["name"] or user["id"]
