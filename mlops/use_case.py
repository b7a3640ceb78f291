"""A use case: one file that composes the rooms' own sections. Loading, errors with file and line, JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from mlops.contracts.config import ContractsSection
from mlops.datasets.config import CurationSection, SourceSection
from mlops.errors import MlopsError
from mlops.evaluation.config import EvaluationSection, GateSection, mismatches
from mlops.monitoring.config import MonitoringSection
from mlops.privacy.config import PrivacySection
from mlops.registry.config import ApprovalSection, PromotionSection
from mlops.section import Cron, Section
from mlops.serving.config import ServingSection
from mlops.training.config import TrainingSection
from mlops.yaml_source import Document, YamlFinding, parse_document

NAME_PATTERN = r"^[a-z][a-z0-9_]{1,62}$"


class UseCaseError(MlopsError):
    """A use-case file is missing or wrong."""


class PurposeSection(Section):
    """What the data is used for; every contract upstream must permit it."""

    name: str = Field(description="the purpose as contracts name it, e.g. fine-tuning", min_length=1)
    legal_basis: str = Field(min_length=1, description="the ground it rests on, as contracts name it, e.g. gdpr-6-1-f")
    region: str = Field(description="where the work is done, e.g. EU; must lie in each contract's residency")
    role: str = Field(description="the role that does it, as contracts name it, e.g. ml-engineer")


class Scores(Section):
    """A judgement from 1 (low) to 5 (high) with its reason."""

    score: int = Field(ge=1, le=5, description="1 low … 5 high")
    reason: str = Field(min_length=1, description="why")


class SuccessMetric(Section):
    """What success means for the model, and the business figure that it should move."""

    metric: str = Field(description="id of the metric that the gate judges, e.g. ticket_exact_match")
    target: float = Field(description="value to reach")
    business_figure: str = Field(min_length=1, description="the figure that should move, and from what to what")


class Ethics(Section):
    """What the model is for, what it is not for, and how much harm an error does."""

    intended_use: str = Field(min_length=1, description="who uses it for what")
    out_of_scope: str = Field(min_length=1, description="uses that are refused")
    risk_class: Literal["minimal", "limited", "high"] = Field(description="after the EU AI Act's classes")


class Schedule(Section):
    """When the pipeline runs by itself."""

    cron: Cron | None = Field(default=None, description="five-field cron expression, UTC; null: by hand only")
    catchup: bool = Field(default=False, description="run for missed times")


class Budget(Section):
    """What one run may cost before it is stopped."""

    max_minutes: float = Field(gt=0, description="wall-clock minutes for the whole run")


class UseCase(Section):
    """One declared purpose for a fine-tuned model: everything that the platform needs to know of it."""

    name: str = Field(pattern=NAME_PATTERN, description="the file's name without .yaml")
    owner: str = Field(min_length=1, description="team that answers for it")
    purpose: PurposeSection = Field(description="what the data is used for")
    description: str = Field(min_length=1, description="what the model does, in one or two sentences")
    impact: Scores = Field(description="how much it matters")
    feasibility: Scores = Field(description="how likely it works")
    success_metric: SuccessMetric = Field(description="when it is a success")
    ethics: Ethics = Field(description="intended use, out of scope, risk")
    contracts: ContractsSection = Field(description="data contracts that rule it")
    sources: tuple[SourceSection, ...] = Field(min_length=1, description="where the data comes from")
    privacy: PrivacySection = Field(description="how personal data is masked")
    curation: CurationSection = Field(description="duplicates, languages, split")
    training: TrainingSection = Field(description="base model and recipe")
    evaluation: EvaluationSection = Field(description="how models are scored")
    gates: GateSection = Field(description="what the figures must show")
    approval: ApprovalSection = Field(description="who must agree, and when")
    promotion: PromotionSection = Field(description="how a release becomes champion")
    monitoring: MonitoringSection = Field(description="what is watched afterwards")
    serving: ServingSection = Field(description="how the champion answers")
    schedule: Schedule = Field(description="when it runs by itself")
    budget: Budget = Field(description="what a run may cost")


@dataclass(frozen=True)
class Declaration:
    """A use case together with the file it was read from; ``digest`` is that of the file's bytes."""

    use_case: UseCase
    source: Document
    digest: str


def use_case_path(root: Path, name: str) -> Path:
    """Where the file of ``name`` lies: ``use_cases/NAME.yaml``; a path to a ``.yaml`` file is taken as it is."""
    return Path(name) if name.endswith((".yaml", ".yml")) else root / "use_cases" / f"{name}.yaml"


def list_use_cases(root: Path) -> list[str]:
    """Names of the declared use cases, sorted."""
    return sorted(path.stem for path in (root / "use_cases").glob("*.yaml"))


def problems(source: Document) -> list[UseCaseError]:
    """Every complaint about a parsed file, each with its line; empty when it is a valid use case."""
    if source.findings:
        return [_file_problem(source, finding) for finding in source.findings]
    try:
        use_case = UseCase.model_validate(source.data)
    except ValidationError as error:
        return [_translated(source, dict(item)) for item in error.errors(include_input=False, include_url=False)]
    found = []
    if use_case.name != source.path.stem:
        found.append(_problem(source, ("name",), "the name differs from the file's name", f"write {source.path.stem}"))
    metrics = [metric.id for metric in use_case.gates.metrics]
    if use_case.success_metric.metric not in metrics:
        text = "the success metric is judged by no gate"
        found.append(_problem(source, ("success_metric", "metric"), text, f"use one of: {', '.join(metrics)}"))
    for sentence in mismatches(use_case.evaluation, use_case.gates):
        found.append(_problem(source, ("gates",), sentence, "make gates and evaluation fit each other"))
    return found


def _problem(source: Document, location: tuple[str | int, ...], message: str, todo: str) -> UseCaseError:
    return UseCaseError("USECASE-002", message, where=source.where(location), todo=todo)


def _file_problem(source: Document, finding: YamlFinding) -> UseCaseError:
    where = f"{source.path}:{finding.line}" if finding.line else str(source.path)
    return UseCaseError("USECASE-009", finding.message, where=where, todo=finding.todo)


def _translated(source: Document, error: dict[str, Any]) -> UseCaseError:
    location = tuple(error["loc"])
    name = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        return UseCaseError(
            "USECASE-003", f"unknown key {name}", where=source.where(location), todo="correct or remove it"
        )
    if error["type"] == "missing":
        return UseCaseError("USECASE-004", f"{name} is missing", where=source.where(location), todo="add it")
    message = f"{name}: {error['msg']}"
    return UseCaseError("USECASE-005", message, where=source.where(location), todo="correct the value")


def load_use_case(root: Path, name: str) -> Declaration:
    """Read and check one use case.

    Raises:
        UseCaseError: no such file, or the first of its problems (``mlops use-case lint`` shows all).
    """
    path = use_case_path(root, name)
    if not path.is_file():
        known = ", ".join(list_use_cases(root)) or "none yet"
        raise UseCaseError(
            "USECASE-001",
            "no such use case",
            where=str(path),
            todo=f"use one of ({known}) or write one: mlops use-case new NAME",
        )
    source = parse_document(path)
    found = problems(source)
    if found:
        raise found[0]
    return Declaration(UseCase.model_validate(source.data), source, source.digest)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a use-case file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **UseCase.model_json_schema()}
