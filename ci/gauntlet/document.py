"""A YAML file as plain data with the line and column of every key and value; all its problems at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from gauntlet.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

Value = str | int | float | bool | None | tuple["Value", ...] | dict[str, "Value"]
Path = tuple[str | int, ...]
Place = tuple[int, int]

# A configuration is written by a person: more than this is a mistake or an attack on the parser.
SIZE_LIMIT = 256 * 1024
DEPTH_LIMIT = 32

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAGS = {"str", "int", "float", "bool", "null", "timestamp", "value", "merge"}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a YAML file: a mapping, with tuples for lists; `keys` and `values` hold places counted from 1.

    `problems` are those that leave data to check further: duplicate keys, unsupported tags.
    """

    file: str
    data: dict[str, Value]
    keys: dict[Path, Place]
    values: dict[Path, Place]
    problems: tuple[Problem, ...] = ()

    def problem(self, path: Path, message: str, suggestion: str = "", *, key: bool = False) -> Problem:
        """A problem at the value (or key) at `path`, or at the nearest enclosing one that has a place."""
        line, column = self._place(path, key=key)
        return Problem(self.file, line, column, message, suggestion)

    def _place(self, path: Path, *, key: bool) -> Place:
        places = (self.keys, self.values) if key else (self.values, self.keys)
        for length in range(len(path), -1, -1):
            for known in places:
                if path[:length] in known:
                    return known[path[:length]]
        return 1, 1


def read_document(raw: bytes | str, file: str) -> Document:
    """Parse one YAML mapping.

    Anchors, aliases, tags and YAML 1.1's surprises (`on` as a boolean, `1:30` as 90) are not part of the language.

    Raises:
        ConfigError: the text is no plain mapping; a syntax error hides what follows it.
    """
    text = _decoded(raw, file)
    problems = list(_forbidden(text, file))
    if problems:
        raise ConfigError(list(_tabs(text, file)) or problems)
    root = yaml.compose(text, Loader=_Loader)
    if root is None:
        raise ConfigError([Problem(file, 1, 1, "the file is empty", "remove it, or write `version: 1`")])
    if not isinstance(root, yaml.MappingNode):
        what = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        raise ConfigError([Problem(file, *_of(root), f"{what} on the top level", "write `key: value` lines there")])
    reader = _Reader(file)
    data = reader.mapping(root, ())
    return Document(file, data, reader.keys, reader.values, tuple(reader.problems))


def _decoded(raw: bytes | str, file: str) -> str:
    if len(raw) > SIZE_LIMIT:
        limit = f"{SIZE_LIMIT // 1024} KiB"
        raise ConfigError([Problem(file, 1, 1, f"the file has {len(raw)} bytes, the limit is {limit}", "shorten it")])
    if isinstance(raw, str):
        return raw.removeprefix("\ufeff")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise ConfigError([Problem(file, line, column, message, "save the file as UTF-8")]) from None


def _tabs(text: str, file: str) -> Iterator[Problem]:
    """Tabs in the indentation, all of them: YAML's own message stops at the first and says `token`."""
    for number, line in enumerate(text.split("\n"), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip() and not line.lstrip().startswith("#"):
            yield Problem(file, number, indent.index("\t") + 1, "a tab in the indentation", "indent with spaces")


def _forbidden(text: str, file: str) -> Iterator[Problem]:
    """Syntax errors, aliases and depth, found on the event stream before any tree is built."""
    depth = documents = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            mark = event.start_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                yield Problem(file, *place, "anchors and aliases are not supported", "write the value out")
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    yield Problem(file, *place, "a second document (`---`)", "keep one document")
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEPTH_LIMIT:
                    yield Problem(file, *place, f"nested more than {DEPTH_LIMIT} levels deep", "flatten it")
                    return
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = ": ".join(part for part in (error.context, error.problem) if part) or "not YAML"
        yield Problem(file, *place, f"not YAML: {said}")
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        column = len(before) - (before.rfind("\n") + 1) + 1
        yield Problem(file, before.count("\n") + 1, column, f"not YAML: {error.reason}", "remove that character")


def _of(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


class _Reader:
    """Turns nodes into values, collecting places and problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Value]:
        self.values[path] = _of(node)
        data: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in data:
                first = self.keys[(*path, key)]
                self._say(key_node, f"the key {key!r} is here twice", f"merge it with line {first[0]}")
                continue
            self.keys[(*path, key)] = _of(key_node)
            data[key] = self._value(value_node, (*path, key))
        return data

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._say(node, "a key must be a name", "a list or mapping can't be a key")
            return None
        return str(node.value)

    def _value(self, node: yaml.Node, path: Path) -> Value:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        self.values[path] = _of(node)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self._value(item, (*path, number)) for number, item in enumerate(node.value))
        if not isinstance(node, yaml.ScalarNode):
            return None
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            self._say(node, f"the tag {node.tag} is not supported", "write the plain value")
        return _scalar(node)

    def _say(self, node: yaml.Node, message: str, suggestion: str) -> None:
        self.problems.append(Problem(self.file, *_of(node), message, suggestion))


def _scalar(node: yaml.ScalarNode) -> Value:
    """YAML 1.2's core scalars; whatever else YAML 1.1 would guess stays the text that was written."""
    text = str(node.value)
    if node.style:  # quoted or a block: text, whatever it looks like
        return text
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
