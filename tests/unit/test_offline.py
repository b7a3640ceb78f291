"""The guard that keeps the processes of a test from reaching another machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# 192.0.2.0/24 is reserved for documentation (RFC 5737): nothing answers there even without a guard.
ELSEWHERE = "192.0.2.1"


def _python(code: str, log: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MLOPS_OFFLINE_LOG": str(log)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(f"import socket; socket.create_connection(('{ELSEWHERE}', 80), 1)", id="connect"),
        pytest.param("import socket; socket.getaddrinfo('telemetry.example', 443)", id="look-up"),
        pytest.param(
            f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{ELSEWHERE}', 53))",
            id="datagram",
        ),
        pytest.param(f"import urllib.request; urllib.request.urlopen('http://{ELSEWHERE}/', timeout=1)", id="http"),
    ],
)
def test_a_subprocess_reaches_no_other_machine(code: str, tmp_path: Path) -> None:
    log = tmp_path / "attempts.log"
    done = _python(code, log)
    assert done.returncode != 0
    assert "NetworkRefused" in done.stderr
    assert log.read_text().startswith("socket.")


def test_an_attempt_that_a_library_swallows_is_still_on_record(tmp_path: Path) -> None:
    log = tmp_path / "attempts.log"
    code = f"""
import contextlib, socket
with contextlib.suppress(Exception):
    socket.create_connection(('{ELSEWHERE}', 443), 1)
"""
    assert _python(code, log).returncode == 0
    assert ELSEWHERE in log.read_text()


def test_a_subprocess_of_a_subprocess_is_guarded_too(tmp_path: Path) -> None:
    log = tmp_path / "attempts.log"
    inner = f"import socket; socket.create_connection(('{ELSEWHERE}', 80), 1)"
    done = _python(f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {inner!r}]))", log)
    assert done.returncode == 1
    assert ELSEWHERE in log.read_text()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_subprocess_reaches_this_machine(host: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = _python(
            f"import socket; socket.create_connection(('{host}', {port}), 5).close()", tmp_path / "attempts.log"
        )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "attempts.log").exists()


def test_this_process_is_guarded_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLOPS_OFFLINE_LOG", str(tmp_path / "attempts.log"))
    with pytest.raises(RuntimeError, match="refused"):
        socket.getaddrinfo("telemetry.example", 443)
    assert "telemetry.example" in (tmp_path / "attempts.log").read_text()


@pytest.mark.postgres
def test_each_postgres_database_is_new_and_empty(postgres_url: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(postgres_url)
    assert sqlalchemy.inspect(engine).get_table_names() == []
    engine.dispose()
