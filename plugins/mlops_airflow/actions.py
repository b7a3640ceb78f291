"""What the action tasks do: each is one ledger transaction, made once per run, and safe to repeat.

Imports of the rooms are inside the functions: DAG files are parsed every few seconds and need none of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from mlops.errors import MlopsError
from mlops_airflow.run_ids import run_of
from mlops_airflow.trigger import actor_of, more_settings, trigger_of


class ActionError(AirflowFailException):
    """An action was refused; the text says why and what to do."""


class ActionInterruptedError(Exception):
    """An action could not be made now and may be retried."""


def act(action: Any, context: Mapping[str, Any], use_case: str, **arguments: Any) -> Any:
    """Call ``action(settings, declaration, ledger, run, **arguments)`` in the name of who triggered the DAG run.

    Raises:
        ActionError: the input is wrong or the action was refused.
        ActionInterruptedError: it may be retried.
    """
    from mlops.ledger.store import open_ledger
    from mlops.runs import start_run
    from mlops.settings import load_settings
    from mlops.use_case import load_use_case

    dag_run = context["dag_run"]
    os.environ.update(more_settings(dag_run), MLOPS_ACTOR=actor_of(dag_run))
    try:
        settings = load_settings()
        declaration = load_use_case(settings.root, use_case)
        ledger = open_ledger(settings.ledger)
        run = start_run(
            settings,
            declaration,
            ledger,
            run_of(dag_run.dag_id, dag_run.run_id),
            actor=actor_of(dag_run),
            trigger=trigger_of(dag_run),
        )
        return action(settings, declaration, ledger, run, **arguments)
    except MlopsError as error:
        if error.exit_code == 1:
            raise ActionInterruptedError(str(error)) from None
        raise ActionError(str(error)) from None
