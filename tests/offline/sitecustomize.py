"""Refuses every socket to another machine in a Python process that a test starts.

Python imports a module of this name at start-up when its folder is on PYTHONPATH, which tests/conftest.py sees to. The
guard is an audit hook: the interpreter calls it before each connect, send and name look-up, and nothing in the process
can take it off again. Each refusal is also written to the file named by MLOPS_OFFLINE_LOG, so that an attempt a library
swallows still fails the test session. Binaries without a Python interpreter, and ``python -I``/``-S``/``-E``, are
outside its reach.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import Any

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_OWN_NAMES = frozenset({"", "localhost", socket.gethostname()})


class NetworkRefused(RuntimeError):
    """A test, or a process it started, tried to reach another machine."""


def _is_own(host: object) -> bool:
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    if name in _OWN_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(event: str, host: object) -> None:
    log = os.environ.get("MLOPS_OFFLINE_LOG")
    if log:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{event} {host} pid {os.getpid()} {' '.join(sys.argv[:3])}\n")
    raise NetworkRefused(f"{event} to {host} refused: tests reach no other machine than this one")


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING:
        address = arguments[1]
        if isinstance(address, tuple) and not _is_own(address[0]):
            _refuse(event, address[0])
    elif event in _RESOLVING and not _is_own(arguments[0]):
        _refuse(event, arguments[0])


sys.addaudithook(_guard)
