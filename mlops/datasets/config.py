"""The sections `sources` and `curation` of a use case."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops.section import Section

Role = Literal["system", "user", "assistant", "tool"]
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class WindowSection(Section):
    """How a long conversation becomes rows that each end with an assistant message."""

    max_messages: int = Field(
        default=8, ge=2, description="Most messages of a row, target included; a leading system message is kept."
    )
    target: Literal["last", "every_assistant"] = Field(
        default="last",
        description="`last`: one row, ending with the last assistant message. `every_assistant`: one row per "
        "assistant message that answers a user.",
    )
    stride: int = Field(
        default=1, ge=1, description="With `every_assistant`: keep each n-th target, counted from the last one."
    )


class SampleSection(Section):
    """Size and seed of the generated sample."""

    rows: int = Field(default=3000, ge=1, le=1_000_000, description="Number of raw rows, defects included.")
    seed: int = Field(default=7, ge=0, description="Same seed, same rows, on every machine.")


class SourceSection(Section):
    """One source of rows and the mapping of its fields to the canonical chat schema."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        description="Name of the source; part of every record id, so that renaming a source renames its records.",
    )
    kind: Literal["jsonl", "csv", "parquet", "sample"] = Field(
        description="Format of the files (`.gz` is read for jsonl and csv), or `sample` for the generated data."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="File or glob, relative to the project root or absolute; `${MLOPS_…}` is replaced by that "
        "environment variable. Files are read in the order of their paths.",
    )
    layout: Literal["chat", "turns", "columns"] = Field(
        default="chat",
        description="`chat`: a list of {role, content}. `turns`: a list of {speaker, text} with speakers USER and "
        "SYSTEM. `columns`: one column with the prompt, one with the response.",
    )
    id_field: str | None = Field(
        default=None, description="Field with the id of the row in the source; without it ids come from the content."
    )
    conversation_field: str | None = Field(
        default=None, description="Field that names the conversation; without it each row is one conversation."
    )
    source_field: str | None = Field(
        default=None, description="Field with the channel to put in `source`; without it the name of this source."
    )
    messages_field: str | None = Field(
        default=None, description="Field with the list of messages; `messages` (chat) or `turns` (turns) by default."
    )
    role_field: str | None = Field(
        default=None, description="Field of a message with its role; `role` (chat) or `speaker` (turns) by default."
    )
    content_field: str | None = Field(
        default=None, description="Field of a message with its text; `content` (chat) or `text` (turns) by default."
    )
    role_map: dict[str, Role] | None = Field(
        default=None,
        description="Role in the source to canonical role. By default the four canonical roles (chat), or USER to "
        "user and SYSTEM to assistant (turns). A role outside the map rejects the row.",
    )
    prompt_field: str | None = Field(default=None, description="With `columns`: the user's text; `prompt` by default.")
    response_field: str | None = Field(
        default=None, description="With `columns`: the assistant's text; `response` by default."
    )
    language_field: str | None = Field(default=None, description="Field with the ISO 639 language code.")
    created_at_field: str | None = Field(
        default=None, description="Field with an ISO 8601 time with a time zone; a time without a zone is rejected."
    )
    language: LanguageCode | None = Field(default=None, description="Language of rows that carry none of their own.")
    window: WindowSection | None = Field(
        default=None, description="Cut conversations into windows; without it each conversation is one row."
    )
    sample: SampleSection | None = Field(default=None, description="With kind `sample`: size and seed.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mapping = [name for name in _MAPPING if getattr(self, name) is not None]
        problem = None
        if self.kind == "sample":
            if self.path is not None or mapping or self.layout != "chat":
                problem = "kind sample brings its own data and mapping: leave out path, layout and all *_field keys"
        elif self.path is None:
            problem = f"kind {self.kind} needs a path"
        elif self.sample is not None:
            problem = f"sample is for kind sample, not for kind {self.kind}"
        elif self.kind == "csv" and self.layout != "columns":
            problem = "kind csv needs layout columns: a cell holds no list of messages"
        wrong = [name for name in mapping if name in _FOREIGN[self.layout]]
        if problem is None and wrong:
            problem = f"layout {self.layout} does not use {', '.join(wrong)}"
        if problem:
            raise ValueError(problem)
        return self


_LIST_FIELDS = ("messages_field", "role_field", "content_field", "role_map")
_COLUMN_FIELDS = ("prompt_field", "response_field")
_FOREIGN = {"chat": _COLUMN_FIELDS, "turns": _COLUMN_FIELDS, "columns": _LIST_FIELDS}
_MAPPING = (
    *_LIST_FIELDS,
    *_COLUMN_FIELDS,
    "id_field",
    "conversation_field",
    "source_field",
    "language_field",
    "created_at_field",
)


class SplitSection(Section):
    """Shares of the conversations; they add up to 1."""

    train: float = Field(default=0.8, gt=0, lt=1, description="Share of conversations for training.")
    validation: float = Field(default=0.1, ge=0, lt=1, description="Share for early stopping and choices.")
    test: float = Field(default=0.1, gt=0, lt=1, description="Share that only the evaluation sees.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(self.train + self.validation + self.test - 1.0) > 1e-9:
            raise ValueError("train, validation and test must add up to 1")
        return self


class CurationSection(Section):
    """What happens to masked rows before training."""

    duplicates: Literal["exact", "off"] = Field(
        default="exact", description="`exact` removes rows whose messages equal another row's but for case and space."
    )
    conflicts: Literal["drop", "keep"] = Field(
        default="keep",
        description="`drop` removes every row of those that have one prompt and different targets: right for tickets, "
        "where only one answer can be true; wrong for free replies.",
    )
    languages: tuple[LanguageCode, ...] = Field(
        default=(), description="Languages to keep; empty keeps all, rows without a language included."
    )
    split: SplitSection = Field(default_factory=SplitSection, description="Shares of train, validation and test.")
    split_salt: str = Field(
        default="split-1",
        min_length=1,
        max_length=200,
        description="Key of the hash that assigns conversations to splits; another salt gives another split.",
    )
    max_train_rows: int | None = Field(
        default=None, ge=1, description="Keep at most this many training rows, chosen by a hash of their ids."
    )

    @model_validator(mode="after")
    def _languages_once(self) -> Self:
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("languages must not repeat")
        return self


PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
