"""Roles and who holds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.approvers import ApproversError, holders


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "approvers.yaml"
    path.write_text("risk: [account-a, account-b]\nlegal: [account-b]\n")
    return path


def test_a_use_case_without_roles_asks_anybody(tmp_path: Path) -> None:
    assert holders(tmp_path / "none.yaml", []) == {}


def test_an_account_answers_in_the_first_role_that_is_asked_for(file: Path) -> None:
    assert holders(file, ["legal", "risk"]) == {"account-a": "risk", "account-b": "legal"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param("risk: [a]\n", "APPROVERS-003", id="nobody holds the role"),
        pytest.param("legal: []\n", "APPROVERS-002", id="no accounts"),
        pytest.param("legal: account-a\n", "APPROVERS-002", id="no list"),
        pytest.param("legal: [a\n", "APPROVERS-001", id="no YAML"),
    ],
)
def test_a_role_that_nobody_can_answer_in_is_refused(file: Path, content: str, code: str) -> None:
    file.write_text(content)
    with pytest.raises(ApproversError, match=code):
        holders(file, ["legal"])
