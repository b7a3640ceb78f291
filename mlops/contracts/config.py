"""The ``contracts`` section of a use case."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import Field, field_validator

from mlops.section import Section


class ContractsSection(Section):
    """Which contract rules the data that comes in, and which one the data that trains."""

    source: str = Field(
        description="ODCS file that the ingested data must satisfy, relative to the project's root.",
        examples=["data_contracts/support_conversations.odcs.yaml"],
    )
    training_set: str = Field(
        description="ODCS file that the curated training set must satisfy, relative to the project's root.",
        examples=["data_contracts/support_training_set.odcs.yaml"],
    )

    @field_validator("source", "training_set")
    @classmethod
    def _in_the_folder(cls, value: str) -> str:
        path = PurePosixPath(value)
        # In one folder, so that the approvals beside a contract are those of all its versions.
        if path.parent != PurePosixPath("data_contracts") or path.suffix not in (".yaml", ".yml"):
            raise ValueError("expected a YAML file in data_contracts/, for example data_contracts/NAME.odcs.yaml")
        return value
