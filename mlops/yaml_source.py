"""Read YAML so that every later complaint can name its line.

Refuses what PyYAML lets through in silence: a key written twice, more aliases than a person would write (the
"billion laughs" expansion), more than one document, tags that build objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import MlopsError

_MAX_ALIASES = 50
_MAX_BYTES = 2_000_000


class YamlError(MlopsError):
    """A YAML file cannot be read."""


@dataclass(frozen=True)
class YamlSource:
    """A parsed file and where each node stood.

    Attributes:
        path: the file.
        content: its bytes, for digests.
        data: plain Python values.
        lines: line number (from 1) of each node, by its path of keys and list positions.
    """

    path: Path
    content: bytes
    data: Any
    lines: dict[tuple[str | int, ...], int]

    def line(self, location: Sequence[str | int]) -> int:
        """Line of the node at ``location``, or of its nearest ancestor that exists."""
        wanted = tuple(location)
        while wanted and wanted not in self.lines:
            wanted = wanted[:-1]
        return self.lines.get(wanted, 1)

    def where(self, location: Sequence[str | int]) -> str:
        """``file:line`` of the node at ``location``."""
        return f"{self.path}:{self.line(location)}"


def read_yaml(path: Path) -> YamlSource:
    """Parse one file.

    Raises:
        YamlError: missing, unreadable, too large, not UTF-8, not YAML, a duplicate key, too many aliases.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise YamlError(
            "YAML-001", f"cannot read this file ({error.strerror})", where=str(path), todo="check the path"
        ) from None
    if len(content) > _MAX_BYTES:
        raise YamlError("YAML-002", f"expected at most {_MAX_BYTES} bytes", where=str(path), todo="split the file")
    try:
        node = yaml.compose(content.decode(), Loader=yaml.CSafeLoader)
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader=yaml.CSafeLoader))
    except UnicodeDecodeError as error:
        raise YamlError("YAML-003", f"byte {error.start} is not UTF-8", where=str(path), todo="save as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(
            "YAML-004", f"not valid YAML: {error.problem}", where=f"{path}:{line}", todo="correct the syntax"
        ) from None
    except yaml.YAMLError:
        raise YamlError("YAML-004", "not valid YAML", where=str(path), todo="correct the syntax") from None
    if aliases > _MAX_ALIASES:
        raise YamlError(
            "YAML-005", f"{aliases} aliases, at most {_MAX_ALIASES} allowed", where=str(path), todo="write values out"
        )
    if node is None:
        raise YamlError("YAML-006", "the file is empty", where=str(path), todo="write a declaration into it")
    lines: dict[tuple[str | int, ...], int] = {}
    data = _build(node, (), lines, path)
    return YamlSource(path, content, data, lines)


def _build(node: yaml.Node, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], path: Path) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, lines, path)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*at, position), lines, path) for position, child in enumerate(node.value)]
    return _scalar(node, path)


def _mapping(
    node: yaml.MappingNode, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], path: Path
) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        where = f"{path}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlError("YAML-007", "expected a plain key", where=where, todo="use a text as the key")
        key = _scalar(key_node, path)
        if key in found:
            raise YamlError("YAML-008", f"the key {key} is written twice", where=where, todo="remove one of them")
        lines[(*at, key)] = key_node.start_mark.line + 1
        found[key] = _build(value_node, (*at, key), lines, path)
    return found


def _scalar(node: yaml.Node, path: Path) -> Any:
    constructor = yaml.constructor.SafeConstructor()
    try:
        value = constructor.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError):
        where = f"{path}:{node.start_mark.line + 1}"
        raise YamlError("YAML-009", "a value has an unknown type", where=where, todo="write a plain value") from None
    return value
