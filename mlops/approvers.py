"""Who may approve in which role: a YAML file that maps each role to the accounts that hold it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from mlops.errors import MlopsError
from mlops.yaml_source import parse_document


def account(name: str) -> str:
    """The form in which two spellings of one account are compared (Unicode NFKC, no case, no outer spaces)."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


class ApproversError(MlopsError):
    """The file of approvers is missing or wrong."""


def load_approvers(path: Path) -> dict[str, tuple[str, ...]]:
    """Role to accounts.

    Raises:
        ApproversError: the file is no mapping of roles to lists of accounts.
    """
    source = parse_document(path)
    if source.findings:
        first = source.findings[0]
        raise ApproversError("APPROVERS-001", first.message, where=f"{path}:{first.line}", todo=first.todo)
    found = {}
    for role, accounts in source.data.items():
        if not isinstance(accounts, list) or not accounts or not all(isinstance(item, str) for item in accounts):
            raise ApproversError(
                "APPROVERS-002",
                f"expected a list of accounts for the role {role}",
                where=source.where((role,)),
                todo="write for example [account-a, account-b]",
            )
        found[role] = tuple(accounts)
    return found


def accounts_by_role(path: Path, *, expected: bool) -> dict[str, frozenset[str]]:
    """Role to its accounts in the form in which they are compared; empty where there is no file and none is expected.

    Raises:
        ApproversError: the file is missing though it is expected, or is wrong.
    """
    if not expected and not path.is_file():
        return {}
    return {role: frozenset(map(account, accounts)) for role, accounts in load_approvers(path).items()}


def holders(path: Path, roles: Sequence[str]) -> dict[str, str]:
    """Account to the first of ``roles`` that it holds; empty when a use case lists no roles.

    Raises:
        ApproversError: a role is held by nobody, so no approval could ever be given.
    """
    if not roles:
        return {}
    known = load_approvers(path)
    for role in roles:
        if role not in known:
            raise ApproversError(
                "APPROVERS-003", f"nobody holds the role {role}", where=str(path), todo="add it with its accounts"
            )
    return {account: role for role in reversed(roles) for account in known[role]}
