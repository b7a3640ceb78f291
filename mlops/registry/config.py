"""The sections ``approval`` and ``promotion`` of a use-case file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlops.section import Section


class ApprovalSection(Section):
    """When people must agree before a release may serve, and who."""

    required: Literal["never", "on_inconclusive", "always"] = Field(
        default="on_inconclusive",
        description="when approval is needed: never (an inconclusive gate then blocks), on_inconclusive, or always",
    )
    roles: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), description="roles that may approve; empty: any person who is neither the trigger nor the owner"
    )
    quorum: int = Field(default=1, ge=1, le=2, description="how many different people must approve, 1 or 2")
    response_timeout_hours: float = Field(
        default=72.0, gt=0, le=8760, description="hours to wait for an answer before the request lapses"
    )

    @field_validator("roles")
    @classmethod
    def _roles_differ(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(roles)) != len(roles):
            raise ValueError("expected different roles, found one twice")
        return roles


class PromotionSection(Section):
    """How an allowed release becomes the one that serves."""

    automatic: bool = Field(
        default=False, description="promote as soon as the gate and any approval allow it; otherwise by command"
    )
    alias: str = Field(
        default="champion",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="the name under which clients ask for the serving release",
    )
