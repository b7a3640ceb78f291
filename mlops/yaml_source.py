"""Reading a YAML file strictly, with the line of every node.

YAML's core schema (1.2) decides what a plain word is: only ``true`` and ``false`` are booleans, so that the country
``no`` stays a word, and dates stay text. A key written twice is an error, not a silent choice of the last one.
Aliases are few (``MAX_ALIASES``): nested aliases grow exponentially ("billion laughs").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from mlops.artifacts import digest_bytes

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_ALIASES = 20

_SHORT_TAG = {"tag:yaml.org,2002:" + short: short for short in ("null", "bool", "int", "float", "str", "map", "seq")}

NodePath = tuple[str | int, ...]


class Fault(Enum):
    """What kind of thing is wrong with a file, before anybody looks at what it means."""

    UNREADABLE = "unreadable"
    NOT_YAML = "not YAML"
    DUPLICATE_KEY = "duplicate key"
    ALIASES = "aliases"


@dataclass(frozen=True)
class YamlFinding:
    """One thing that is wrong with a YAML file; ``line`` counts from 1, 0 means the file as a whole."""

    line: int
    fault: Fault
    message: str
    todo: str


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data.

    Attributes:
        path: the file.
        digest: ``sha256:<64 hex>`` of its bytes.
        data: the top-level mapping.
        lines: line (from 1) of each node, keyed by its path of keys and positions.
        findings: what is wrong with the file itself.
    """

    path: Path
    digest: str
    data: Mapping[str, Any]
    lines: Mapping[NodePath, int]
    findings: tuple[YamlFinding, ...] = ()

    def where(self, path: NodePath) -> str:
        """``file:line`` of the node at ``path``."""
        return f"{self.path}:{self.line(path)}"

    def line(self, path: NodePath) -> int:
        """Line of the node at ``path``, or of its nearest ancestor that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _CoreLoader(yaml.CSafeLoader):
    """Composes nodes by libyaml, ten times faster; plain words are resolved by YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute


_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$", re.IGNORECASE), list("tTfF")
)
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]{1,18}$"), list("-+0123456789"))
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,2})?$"),
    list("-+.0123456789"),
)


def _line(mark: Any) -> int:
    return 0 if mark is None else int(mark.line) + 1


class _Builder:
    """Turns nodes into plain data, and notes lines and findings on the way."""

    def __init__(self) -> None:
        self.lines: dict[NodePath, int] = {}
        self.findings: list[YamlFinding] = []
        self._open: set[int] = set()

    def read(self, text: str) -> dict[str, Any]:
        """The top-level mapping of ``text``; empty, with findings, where it cannot be read."""
        try:
            self.findings += _check_events(text)
            node = None if self.findings else yaml.compose(text, Loader=_CoreLoader)
        except yaml.YAMLError as error:
            line = _line(getattr(error, "problem_mark", None))
            problem = getattr(error, "problem", None) or "syntax error"
            self.findings.append(YamlFinding(line, Fault.NOT_YAML, f"not YAML: {problem}", "correct the syntax"))
            return {}
        if isinstance(node, yaml.MappingNode):
            self.lines[()] = _line(node.start_mark)
            return self._mapping(node, ())
        if not self.findings:
            self.findings.append(YamlFinding(1, Fault.NOT_YAML, "expected a mapping at the top level", "write one"))
        return {}

    def build(self, node: yaml.Node, path: NodePath) -> Any:
        self.lines.setdefault(path, _line(node.start_mark))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._report(node, Fault.ALIASES, "an alias contains itself", "write the values out")
            return None
        self._open.add(id(node))
        try:
            return self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        finally:
            self._open.discard(id(node))

    def _report(self, node: yaml.Node, fault: Fault, message: str, todo: str) -> None:
        self.findings.append(YamlFinding(_line(node.start_mark), fault, message, todo))

    def _known(self, node: yaml.Node, *expected: str) -> bool:
        if _SHORT_TAG.get(node.tag) in expected:
            return True
        self._report(node, Fault.NOT_YAML, f"expected plain YAML, found the tag {node.tag}", "remove the tag")
        return False

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if not self._known(node, "null", "bool", "int", "float", "str"):
            return None
        kind, text = _SHORT_TAG[node.tag], str(node.value)
        try:
            if kind == "int":
                return int(text)
            if kind == "float":
                return float(text)
        except ValueError:
            self._report(node, Fault.NOT_YAML, f"expected a number, found {text!r}", "correct the value")
            return None
        return {"null": None, "bool": text.lower() == "true"}.get(kind, text)

    def _sequence(self, node: yaml.Node, path: NodePath) -> list[Any]:
        if not self._known(node, "seq"):
            return []
        return [self.build(child, (*path, position)) for position, child in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: NodePath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if not self._known(node, "map"):
            return result
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or _SHORT_TAG.get(key_node.tag) != "str":
                self._report(
                    key_node, Fault.NOT_YAML, "expected a word as key", "write the key as text, in quotes if need be"
                )
                continue
            key = str(key_node.value)
            if key in result:
                first = self.lines[(*path, key)]
                self._report(
                    key_node,
                    Fault.DUPLICATE_KEY,
                    f"the key {key!r} is already given in line {first}",
                    "keep one of the two",
                )
                continue
            self.lines[(*path, key)] = _line(key_node.start_mark)
            result[key] = self.build(value_node, (*path, key))
        return result


def _check_events(text: str) -> list[YamlFinding]:
    """Depth and aliases, read from the event stream, which needs no memory for what it refuses."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=_CoreLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        line = _line(event.start_mark)
        if depth > MAX_DEPTH:
            return [YamlFinding(line, Fault.NOT_YAML, f"nested deeper than {MAX_DEPTH} levels", "flatten the file")]
        if aliases > MAX_ALIASES:
            return [YamlFinding(line, Fault.ALIASES, f"more than {MAX_ALIASES} aliases", "write the values out")]
    return []


def _file_finding(fault: Fault, message: str, todo: str) -> tuple[YamlFinding, ...]:
    return (YamlFinding(0, fault, message, todo),)


def parse_document(path: Path) -> Document:
    """Read one YAML file whose top level is a mapping; never raises for what the file holds.

    Returns:
        The document; where ``findings`` is not empty, ``data`` must not be used.
    """

    def refused(findings: tuple[YamlFinding, ...], content: bytes = b"") -> Document:
        return Document(path, digest_bytes(content), {}, {}, findings)

    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return refused(
            _file_finding(Fault.UNREADABLE, "expected a file, found none", "correct the path or add the file")
        )
    except OSError as error:
        return refused(
            _file_finding(Fault.UNREADABLE, f"cannot read the file ({error.strerror})", "make it a readable file")
        )
    except UnicodeDecodeError:
        return refused(_file_finding(Fault.NOT_YAML, "expected UTF-8 text", "save the file as UTF-8"))
    if len(content) > MAX_BYTES:
        return refused(_file_finding(Fault.NOT_YAML, f"expected at most {MAX_BYTES} bytes", "split the file"), content)
    builder = _Builder()
    data = builder.read(text)
    return Document(path, digest_bytes(content), data, builder.lines, tuple(builder.findings))


def parse_text(text: str) -> tuple[dict[str, Any], list[YamlFinding]]:
    """The same for a piece of YAML inside a file, such as the ``implementation`` of a custom rule."""
    builder = _Builder()
    return builder.read(text), builder.findings
