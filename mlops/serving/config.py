"""How a release is to be served: the ``serving`` section of a use case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlops.section import Section


class ServingSection(Section):
    """What the gateway answers with."""

    engine: Literal["transformers", "openai_compatible"] = Field(
        default="transformers", description="in-process transformers, or a server that speaks the OpenAI protocol"
    )
    max_new_tokens: int = Field(default=96, ge=1, le=4096, description="longest answer in tokens")
    output: Literal["text", "ticket_json"] = Field(default="text", description="what an answer must parse as")
