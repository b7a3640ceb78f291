"""The one root of all errors a user may meet.

Every room has its own subclass in its own ``errors.py`` with stable codes (``CONTRACT-004``). The text says what was
expected, what was found and where; ``todo`` says what to do next. No message ever quotes a data value.
"""

from __future__ import annotations


class MlopsError(Exception):
    """Wrong input, configuration or usage: trying again without a change cannot help.

    Args:
        code: stable identifier, unique over the project, ``ROOM-NNN``.
        message: what was expected and what was found.
        where: file and line, stage or object the message is about.
        todo: what the reader should do next, in the imperative.
    """

    exit_code = 20

    def __init__(self, code: str, message: str, *, where: str | None = None, todo: str) -> None:
        super().__init__(code, message, where, todo)
        self.code = code
        self.message = message
        self.where = where
        self.todo = todo

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.code} {self.message} — {self.todo}"


class RetryableError(MlopsError):
    """The same call may succeed later: a preempted stage, a held lease, a full disk."""

    exit_code = 1
