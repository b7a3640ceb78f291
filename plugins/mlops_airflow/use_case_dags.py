"""DAGs from use-case files: ``NAME__finetune``, ``NAME__monitor`` and, with a cron, ``NAME__schedule``.

The edges of the stages are those of ``mlops.pipeline``. A use case that cannot be read costs only its own DAGs; what is
wrong with it is collected and raised by a DAG file of its own, so that it is seen as an import error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronPartitionTimetable, PartitionedAssetTimetable, get_parsing_context
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from mlops.approvers import holders
from mlops.errors import MlopsError
from mlops.pipeline import STAGES
from mlops.settings import Settings, load_settings
from mlops.use_case import Declaration, UseCase, list_use_cases, problems, use_case_path
from mlops.yaml_source import parse_document
from mlops_airflow import action_tasks
from mlops_airflow.approval_operator import ReleaseApproval
from mlops_airflow.assets import drift_asset, source_asset, tick_asset
from mlops_airflow.deadline import DagRunBegan, record_missed_deadline
from mlops_airflow.stage_operator import StageOperator

GPU_POOL = "gpu"
GPU_QUEUE, DATA_QUEUE = "gpu", "data"
MONITORED = ("ingest", "validate", "mask")
# Before it nothing is scheduled; catch-up and back-fill choose their own days.
START = datetime(2026, 1, 1, tzinfo=UTC)


def use_case_dags() -> dict[str, DAG]:
    """DAGs of all use cases that can be read, by DAG id.

    Where Airflow parses for one task only, the other use cases are not read.
    """
    settings = load_settings()
    wanted = get_parsing_context().dag_id
    dags: dict[str, DAG] = {}
    for name in list_use_cases(settings.root):
        if wanted is not None and wanted.rpartition("__")[0] != name:
            continue
        declaration, approvers, found = _read(settings, name)
        if not found:
            dags |= {dag.dag_id: dag for dag in _dags_of(declaration.use_case, approvers)}
    return dags


def use_case_findings() -> list[str]:
    """What is wrong with the use cases that cannot be read: ``file:line: CODE message — what to do``."""
    settings = load_settings()
    return [str(finding) for name in list_use_cases(settings.root) for finding in _read(settings, name)[2]]


def _read(settings: Settings, name: str) -> tuple[Any, dict[str, str], Sequence[MlopsError]]:
    """A use case, who may approve it, and what is wrong with either."""
    source = parse_document(use_case_path(settings.root, name))
    if found := problems(source):
        return None, {}, found
    use_case = UseCase.model_validate(source.data)
    try:
        approvers = holders(settings.approvers_file, use_case.approval.roles)
    except MlopsError as error:
        return None, {}, [error]
    return Declaration(use_case, source, source.digest), approvers, []


def _dags_of(use_case: UseCase, approvers: Mapping[str, str]) -> list[DAG]:
    dags = [_finetune(use_case, approvers), _monitor(use_case)]
    if use_case.schedule.cron is not None:
        dags.append(_schedule(use_case))
    return dags


def _common(use_case: UseCase, kind: str, doc: str) -> dict[str, Any]:
    return {
        "dag_id": f"{use_case.name}__{kind}",
        "start_date": START,
        "max_active_runs": 1,
        "tags": ["mlops", kind, f"risk:{use_case.ethics.risk_class}", use_case.purpose.name],
        # Actions read and write the ledger and the raw store, so they run where the data stages do.
        "default_args": {
            "owner": use_case.owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=15),
            "queue": DATA_QUEUE,
        },
        "doc_md": doc,
        "description": " ".join(use_case.description.split())[:200],
        "auto_register": False,
    }


def _finetune(use_case: UseCase, approvers: Mapping[str, str]) -> DAG:
    name = use_case.name
    budget = timedelta(minutes=use_case.budget.max_minutes)
    wait = timedelta(hours=use_case.approval.response_timeout_hours)
    patience = budget if use_case.approval.required == "never" else budget + wait * use_case.approval.quorum
    deadline = DeadlineAlert(
        reference=DagRunBegan(),
        interval=patience,
        callback=AsyncCallback(record_missed_deadline, kwargs={"use_case": name}),
    )
    timetable = PartitionedAssetTimetable(assets=source_asset(name) | tick_asset(name) | drift_asset(name))
    with DAG(schedule=timetable, deadline=deadline, **_common(use_case, "finetune", _finetune_doc(use_case))) as dag:
        start = action_tasks.begin(name)
        stages = _stages(use_case, tuple(stage.name for stage in STAGES), start)
        stages["curate"] >> action_tasks.announce_dataset(name)
        before: Any = stages["register"]
        for number in _asked(use_case):
            ask = ReleaseApproval(
                task_id=f"approve_{number}",
                use_case=name,
                number=number,
                holders=approvers,
                hours=use_case.approval.response_timeout_hours,
                trigger_rule="none_failed",
                doc_md="A person answers here. Neither who triggered the run nor the owner of the use case may.",
            )
            before >> ask
            before = ask
        promoted = action_tasks.promote(name)
        before >> promoted >> [action_tasks.verify(name), action_tasks.replay_sinks()]
    return dag


def _asked(use_case: UseCase) -> range:
    """Numbers of the approval tasks: as many as the spec can ask for."""
    return range(1, 1 if use_case.approval.required == "never" else 1 + use_case.approval.quorum)


def _stages(use_case: UseCase, names: tuple[str, ...], start: Any) -> dict[str, StageOperator]:
    """One task per stage, with the edges of the pipeline."""
    tasks: dict[str, StageOperator] = {}
    for stage in STAGES:
        if stage.name not in names:
            continue
        tasks[stage.name] = StageOperator(
            task_id=stage.name,
            stage=stage.name,
            use_case=use_case.name,
            budget_seconds=use_case.budget.max_minutes * 60,
            doc_md=stage.does,
            pool=GPU_POOL if stage.gpu else "default_pool",
            queue=GPU_QUEUE if stage.gpu else DATA_QUEUE,
        )
        for upstream in stage.inputs:
            tasks[upstream] >> tasks[stage.name]
        if not stage.inputs:
            start >> tasks[stage.name]
    return tasks


def _monitor(use_case: UseCase) -> DAG:
    cron = use_case.monitoring.cron
    timetable = None if cron is None else CronPartitionTimetable(cron, timezone="UTC")
    with DAG(schedule=timetable, catchup=False, **_common(use_case, "monitor", _monitor_doc(use_case))) as dag:
        start = action_tasks.begin(use_case.name)
        stages = _stages(use_case, MONITORED, start)
        watched, decided = action_tasks.monitor(use_case.name), action_tasks.decide_retrain(use_case.name)
        stages[MONITORED[-1]] >> watched >> [decided, action_tasks.replay_sinks()]
    return dag


def _schedule(use_case: UseCase) -> DAG:
    timetable = CronPartitionTimetable(str(use_case.schedule.cron), timezone="UTC")
    common = {**_common(use_case, "schedule", _schedule_doc(use_case)), "max_active_runs": 16}
    with DAG(schedule=timetable, catchup=use_case.schedule.catchup, **common) as dag:
        action_tasks.tick(use_case.name)
    return dag


def _finetune_doc(use_case: UseCase) -> str:
    lines = [
        f"### {use_case.name}",
        use_case.description.strip(),
        "",
        f"- **Owner:** {use_case.owner}",
        f"- **Purpose:** {use_case.purpose.name}, {use_case.purpose.region}, as {use_case.purpose.role}",
        f"- **Contracts:** `{use_case.contracts.source}`, `{use_case.contracts.training_set}`",
        f"- **Base model:** `{use_case.training.base_model}`, {use_case.training.method}",
        f"- **Intended use:** {use_case.ethics.intended_use}",
        f"- **Out of scope:** {use_case.ethics.out_of_scope}",
        f"- **Success:** {use_case.success_metric.metric} ≥ {use_case.success_metric.target}",
        f"- **Approval:** {use_case.approval.required}, {use_case.approval.quorum} person(s)"
        + (f", in the role {' or '.join(use_case.approval.roles)}" if use_case.approval.roles else ""),
        "",
        "| stage | does |",
        "|---|---|",
        *(f"| {stage.name} | {stage.does} |" for stage in STAGES),
        "",
        f"Runs when `{use_case.name}/source`, `{use_case.name}/tick` or `{use_case.name}/drift` is announced, or by "
        "hand. A failed run is gone on with by clearing its failed task: finished stages come from the store.",
    ]
    return "\n".join(lines)


def _monitor_doc(use_case: UseCase) -> str:
    return (
        f"### {use_case.name}: monitoring\nReads the source again, masks it, and compares it with what the champion "
        f"was trained on. Drift raises `{use_case.name}/drift`, which sets off `{use_case.name}__finetune`."
    )


def _schedule_doc(use_case: UseCase) -> str:
    return (
        f"### {use_case.name}: schedule\nAnnounces `{use_case.name}/tick` at `{use_case.schedule.cron}` (UTC). "
        f"Back-fill this DAG to run `{use_case.name}__finetune` for past days."
    )
