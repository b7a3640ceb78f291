"""Airflow's REST API, as far as the local instance and the documentation use it: plain HTTP, a token, JSON."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from mlops.errors import MlopsError, RetryableError

_SECONDS = 20
_PAUSES = (1.0, 3.0)


class RestError(MlopsError):
    """Airflow refused a request."""


class RestUnreachableError(RetryableError):
    """Airflow's api-server does not answer."""


@dataclass(frozen=True)
class Rest:
    """One user's session with an api-server at ``url`` (without a slash at its end)."""

    url: str
    token: str = field(repr=False, default="")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request below ``/api/v2``; returns the parsed answer, None for an empty one.

        Raises:
            RestError: Airflow answered with an error.
            RestUnreachableError: nobody answers.
        """
        return _request(method, f"{self.url}/api/v2{path}", body, self.token)

    def get(self, path: str, **query: Any) -> Any:
        """GET with query parameters; asks again when a busy api-server does not answer."""
        address = path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        for pause in _PAUSES:
            try:
                return self.call("GET", address)
            except RestUnreachableError:
                time.sleep(pause)
        return self.call("GET", address)

    def post(self, path: str, body: Any) -> Any:
        """POST a JSON body."""
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH a JSON body."""
        return self.call("PATCH", path, body)


def log_in(url: str, username: str, password: str) -> Rest:
    """A session of one user.

    Raises:
        RestError: the account or the password is wrong.
        RestUnreachableError: nobody answers.
    """
    answer = _request("POST", f"{url}/auth/token", {"username": username, "password": password}, "")
    return Rest(url, str(answer["access_token"]))


def _request(method: str, address: str, body: Any, token: str) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, headers=headers, method=method)
    where = f"{method} {urllib.parse.urlsplit(address).path}"
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        raise RestError(
            "AIRFLOW-001",
            f"Airflow answered {error.code}: {_detail(error.read())}",
            where=where,
            todo="see the api-server's log",
        ) from None
    except (OSError, ValueError) as error:
        raise RestUnreachableError(
            "AIRFLOW-002", f"Airflow does not answer ({type(error).__name__})", where=where, todo="see whether it runs"
        ) from None
    return json.loads(content) if content else None


def _detail(content: bytes) -> str:
    try:
        detail = json.loads(content)["detail"]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
    return detail if isinstance(detail, str) else json.dumps(detail)[:300]
