"""The texts of one value: a plain text, or a list of chat messages with everything in them that may hold text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Names that programs give: nobody writes there. All other texts of a message are looked at.
_LABELS = frozenset({"role", "type", "id", "tool_call_id", "index"})


def text_parts(value: Any) -> list[tuple[str, str]] | None:
    """(role, text) of each text in ``value``, in a fixed order; None where it is neither text nor chat messages.

    A plain text has the role ``user``. Of messages, every text counts but those that are labels (role, type, ids and
    the name of a function): contents, also of several parts, arguments of tool calls, which are JSON, and names.
    """
    if isinstance(value, str):
        return [("user", value)]
    if not isinstance(value, list) or not all(_is_message(each) for each in value):
        return None
    return [(each["role"], text) for each in value for text in _texts(each)]


def with_parts(value: Any, texts: Iterator[str]) -> Any:
    """``value`` with its texts replaced, one after the other, by ``texts``."""
    if isinstance(value, str):
        return next(texts)
    return [_replaced(each, texts) for each in value]


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str)


def _is_label(key: str, node: dict[str, Any]) -> bool:
    return key in _LABELS or (key == "name" and "arguments" in node)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for each in node:
            yield from _texts(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if not _is_label(key, node):
                yield from _texts(each)


def _replaced(node: Any, texts: Iterator[str]) -> Any:
    if isinstance(node, str):
        return next(texts)
    if isinstance(node, list):
        return [_replaced(each, texts) for each in node]
    if isinstance(node, dict):
        return {key: each if _is_label(key, node) else _replaced(each, texts) for key, each in node.items()}
    return node
