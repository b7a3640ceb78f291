"""A profile of one's own: a YAML file that names an operation for each entity type."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from mlops.privacy.config import Operator, OwnProfile
from mlops.privacy.errors import PrivacyError
from mlops.yaml_source import Document, parse_document

_ADVICE = f"correct it; operators are {', '.join(get_args(Operator))}, and mlops privacy profiles lists the types"


def is_profile_file(name: str) -> bool:
    """Whether a profile is named by its file."""
    return name.endswith((".yaml", ".yml"))


def load_profile(path: Path) -> OwnProfile:
    """Read a profile: ``default`` and ``types``, as under ``privacy.own`` in a use case.

    Raises:
        PrivacyError: PRIVACY-036, with file and line: no such file, no plain YAML, an unknown key, type or operator.
    """
    source = parse_document(path)
    for finding in source.findings:
        where = f"{path}:{finding.line}" if finding.line else str(path)
        raise PrivacyError("PRIVACY-036", finding.message, where=where, todo=finding.todo)
    try:
        return OwnProfile.model_validate(source.data)
    except ValidationError as error:
        first = dict(error.errors(include_input=False, include_url=False)[0])
    raise PrivacyError("PRIVACY-036", _message(first), where=_where(source, first), todo=_ADVICE)


def _message(error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {name}"
    if error["type"] == "missing":
        return f"{name} is missing"
    return f"{name}: {error['msg']}" if name else str(error["msg"])


def _where(source: Document, error: dict[str, Any]) -> str:
    """The line of what is wrong; of an unknown entity type, its own."""
    location = tuple(error["loc"])
    if not location and "no such entity type" in error["msg"]:
        unknown = error["msg"].split(": ", 1)[1].split(";")[0].split(", ")[0]
        return source.where(("types", unknown))
    return source.where(location)
