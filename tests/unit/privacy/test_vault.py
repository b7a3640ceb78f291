from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlops.errors import MlopsError
from mlops.ledger.events import events
from mlops.ledger.store import open_ledger
from mlops.privacy.commands import app
from mlops.privacy.errors import PrivacyError
from mlops.privacy.keys import Key, KeyRing, add_key, key_id, load_keys
from mlops.privacy.vault import TOKEN, Opened, reveal, seal


def _key(number: int) -> Key:
    material = bytes([number] * 32)
    return Key(key_id(material), material)


OLD, NEW = _key(1), _key(2)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
def test_every_value_comes_back_exactly(value: str, around: str) -> None:
    token = seal("PERSON", value, NEW)
    assert TOKEN.fullmatch(token)
    assert token == seal("PERSON", value, NEW)
    assert reveal(f"{around}{token}{around}", KeyRing((OLD, NEW)), Opened()) == f"{around}{value}{around}"


def test_old_tokens_open_after_a_rotation_and_new_ones_only_with_the_new_key() -> None:
    account = Opened()
    old, new = seal("PERSON", "Anna", OLD), seal("PERSON", "Anna", NEW)
    assert old != new
    assert reveal(f"{old} {new}", KeyRing((OLD, NEW)), account) == "Anna Anna"
    assert reveal(f"{old} {new}", KeyRing((OLD,)), account) == f"Anna {new}"
    assert (account.opened["PERSON"], account.refused) == (3, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token.replace("PERSON", "LOCATION"),
        lambda token: token.replace(NEW.id, OLD.id),
        lambda token: re.sub(r"(.)(=*>)$", lambda end: ("A" if end[1] != "A" else "B") * 2 + end[2], token),
        lambda token: re.sub(r":([A-Za-z0-9_-])(?=[A-Za-z0-9_=-]{20,}>)", ":" + "_", token),
    ],
    ids=["type", "key", "end", "beginning"],
)
def test_a_changed_token_does_not_open(change: object) -> None:
    assert callable(change)
    account = Opened()
    changed = change(seal("PERSON", "Anna Smith", NEW))
    assert reveal(changed, KeyRing((OLD, NEW)), account) == changed
    assert account.refused == 1


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_new_key_goes_to_the_end_of_its_file_which_only_the_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first, second = add_key(file), add_key(file)
    ring = load_keys(file)
    assert [key.id for key in ring.keys] == [first.id, second.id]
    assert ring.newest == second
    assert file.stat().st_mode & 0o777 == 0o600
    assert first.material.hex() not in repr(ring)


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        ("ab" * 32, 0o644, "PRIVACY-031"),
        ("ab" * 31, 0o600, "PRIVACY-032"),
        ("a pass phrase that is no key", 0o600, "PRIVACY-032"),
        ("# nothing\n\n", 0o600, "PRIVACY-030"),
        (None, 0o600, "PRIVACY-030"),
    ],
    ids=["open", "short", "words", "empty", "missing"],
)
def test_a_bad_key_file_is_refused_and_not_quoted(tmp_path: Path, content: str | None, mode: int, code: str) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
        os.chmod(file, mode)
    with pytest.raises(PrivacyError) as problem:
        load_keys(file)
    assert problem.value.code == code
    assert content is None or len(content) < 20 or content not in str(problem.value)


def test_keys_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", f"{OLD.material.hex()},{NEW.material.hex()}")
    assert load_keys().keys == (OLD, NEW)
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", " ")
    with pytest.raises(PrivacyError, match="PRIVACY-030"):
        load_keys()


# -- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project" / "use_cases").mkdir(parents=True)
    (tmp_path / "keys").mkdir()
    (tmp_path / "data").mkdir()
    add_key(tmp_path / "keys" / "vault")
    rows = [
        {"text": 'card 4111 1111 1111 1111, "quoted"\nmy name is Anna Smith'},
        {"text": '{"card":4111111111111111}'},
    ]
    (tmp_path / "data" / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("MLOPS_ROOT", str(tmp_path / "project"))
    monkeypatch.delenv("MLOPS_PRIVACY_KEY", raising=False)
    return tmp_path


def _mask(project: Path, *options: str) -> tuple[int, Path]:
    output = project / "data" / "out.jsonl"
    arguments = ["mask", str(project / "data" / "in.jsonl"), str(output), "--profile", "reversible", *options]
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, MlopsError):
        raise result.exception
    return result.exit_code, output


def test_reveal_gives_the_rows_back_and_says_so_in_the_ledger(project: Path) -> None:
    key = ["--key-file", str(project / "keys" / "vault")]
    report = project / "report.json"
    code, output = _mask(project, *key, "--report", str(report))
    assert code == 0
    assert "4111" not in output.read_text()
    assert json.loads(report.read_text())["key_id"] == load_keys(project / "keys" / "vault").newest.id
    add_key(project / "keys" / "vault")
    back = project / "data" / "back.jsonl"
    result = CliRunner().invoke(app, ["reveal", str(output), *key, "--reason", "ticket 7", "--out", str(back)])
    assert result.exit_code == 0, result.output
    assert [json.loads(line) for line in back.read_text().splitlines()] == [
        json.loads(line) for line in (project / "data" / "in.jsonl").read_text().splitlines()
    ]
    (event,) = events(open_ledger(f"sqlite:///{project / 'project' / 'workspace' / 'ledger.db'}"))
    assert event.kind == "privacy_revealed"
    assert event.body["reason"] == "ticket 7"
    assert event.body["values"] == {"CREDIT_CARD": 2, "PERSON": 1}
    assert "Anna" not in json.dumps(event.body)


def test_nothing_is_revealed_without_a_reason(project: Path) -> None:
    key = ["--key-file", str(project / "keys" / "vault")]
    _, output = _mask(project, *key)
    result = CliRunner().invoke(app, ["reveal", str(output), *key, "--reason", "  "])
    assert isinstance(result.exception, PrivacyError)
    assert result.exception.code == "PRIVACY-037"
    assert "Anna" not in result.output
    assert not (project / "project" / "workspace").exists()


def test_nothing_is_revealed_where_it_cannot_be_recorded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ["--key-file", str(project / "keys" / "vault")]
    _, output = _mask(project, *key)
    monkeypatch.setenv("MLOPS_LEDGER_URL", "sqlite:////proc/nowhere/ledger.db")
    result = CliRunner().invoke(app, ["reveal", str(output), *key, "--reason", "ticket 7"])
    assert result.exit_code != 0
    assert "Anna" not in result.output


def test_a_token_that_no_key_opens_stays_and_is_told(project: Path) -> None:
    _, output = _mask(project, "--key-file", str(project / "keys" / "vault"))
    add_key(project / "keys" / "other")
    other = ["--key-file", str(project / "keys" / "other")]
    result = CliRunner().invoke(app, ["reveal", str(output), *other, "--reason", "ticket 7"])
    assert result.exit_code == 10
    assert "3 tokens stay" in result.stderr


def test_key_and_data_never_lie_in_one_folder(project: Path) -> None:
    add_key(project / "data" / "vault")
    with pytest.raises(PrivacyError, match="PRIVACY-034"):
        _mask(project, "--key-file", str(project / "data" / "vault"))


def test_a_profile_that_needs_a_key_says_so(project: Path) -> None:
    with pytest.raises(PrivacyError, match="PRIVACY-030"):
        _mask(project)


def test_key_shows_ids_only(project: Path) -> None:
    file = project / "keys" / "vault"
    result = CliRunner().invoke(app, ["key", str(file), "--new"])
    assert result.output.split() == [key.id for key in load_keys(file).keys]
    assert len(result.output.split()) == 2


def test_workers_give_the_same_surrogates(project: Path) -> None:
    found = []
    for workers in ("1", "2"):
        output = project / "data" / f"out{workers}.jsonl"
        arguments = ["mask", str(project / "data" / "in.jsonl"), str(output), "--profile", "ccpa"]
        arguments += ["--key-file", str(project / "keys" / "vault"), "--workers", workers]
        assert CliRunner().invoke(app, arguments).exit_code == 0
        found.append(output.read_text())
    assert found[0] == found[1]
