"""YAML as a configuration needs it: plain data, and the place of every key for error messages.

Scalars are read by YAML 1.2's rules (`1e-3` is a number, `no` is a word), a key given twice is an error,
tags make no objects, and size, depth, aliases and values are bounded: a stranger's file is read or refused, in seconds.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from nmt.errors import ConfigError
from nmt.storage.json_source import MAX_DIGITS

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_ALIASES = 100
MAX_VALUES = 20_000
MAX_WHOLE = 2**63  # no count, size or number of updates is larger

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a key was written: a line (from 1) of a file, or `--set` on the command line (line 0)."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Document(NamedTuple):
    """Plain data and the places of its keys."""

    data: Any
    places: dict[KeyPath, Place]

    def place(self, path: KeyPath) -> Place:
        """The place of the key, or of the nearest section around it that was written."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]


def dotted(path: KeyPath) -> str:
    """`("model", "encoder")` as `model.encoder`."""
    return ".".join(str(key) for key in path)


def read_document(path: Path) -> Document:
    """Read a YAML file; an empty one is an empty mapping.

    Raises: ConfigError with file and line for whatever is not plain, bounded YAML in UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file", "nmt new writes a config to start from") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", "give a YAML file") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: too many bytes for a config", f"the limit is {MAX_BYTES:,}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(str(path), raw.count(b"\n", 0, error.start) + 1)
        problem = f"not valid UTF-8 (byte 0x{raw[error.start]:02x})"
        raise ConfigError(f"{place}: {problem}", "save the file as UTF-8") from error
    return parse(text, str(path))


def parse(text: str, source: str) -> Document:
    """Read YAML text; `source` is the name its places get."""
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1 if mark else 0)
        raise ConfigError(f"{place}: not valid YAML: {error.problem}", _YAML_HINT) from error
    except yaml.YAMLError as error:
        problem = getattr(error, "reason", error)
        raise ConfigError(f"{source}: not valid YAML: {problem}", _YAML_HINT) from error
    places: dict[KeyPath, Place] = {(): Place(source, 1)}
    return Document({} if node is None else _Reader(source, places).value(node, ()), places)


_YAML_HINT = "one `key: value` a line, indented with spaces; quote text that holds ': ' or begins with a sign"


def override(document: Document, assignment: str) -> Document:
    """The document with one `a.b=value` of `--set` applied; the value is read as YAML.

    A bare name on the way (`score: additive`) becomes a section of that name, so that its keys can be set. Whatever on
    the way was no section has its place at `--set` from then on, save such a name, which is still the file's.

    Raises: ConfigError for what is not an assignment or goes through a value that has no keys.
    """
    key, equals, text = assignment.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        example = "for example: --set training.batch_tokens=2048"
        raise ConfigError(f"--set: {assignment!r} is not KEY=VALUE", example)
    if len(keys) > MAX_DEPTH or any(part.isdecimal() and len(part) > MAX_DIGITS for part in keys):
        raise ConfigError(f"--set: {assignment[:40]!r}…: no config has such a key", "nmt list shows what there is")
    path = _path(document.data, keys)
    value = parse(text, "--set")
    made, names = _made(document, path)
    places = {old: place for old, place in document.places.items() if old[: len(path)] != path}
    set_places = dict.fromkeys((*made, *(path + inner for inner in value.places)), Place("--set"))
    data = _with(document.data, path, value.data if text.strip() else None, ())
    return Document(data, {**places, **names, **set_places})


def _path(data: Any, keys: Sequence[str]) -> KeyPath:
    """The keys, those of a list's items as numbers."""
    path: list[int | str] = []
    for key in keys:
        path.append(int(key) if isinstance(data, list) and key.isdecimal() else key)
        data = _inner(data, path[-1])
    return tuple(path)


def _inner(data: Any, key: int | str) -> Any:
    """What stands under a key, or nothing."""
    if isinstance(data, list):
        return data[key] if isinstance(key, int) and key < len(data) else None
    return data.get(key) if isinstance(data, dict) else None


def _made(document: Document, path: KeyPath) -> tuple[list[KeyPath], dict[KeyPath, Place]]:
    """The way to a key that is set, as far as it is of no sections yet, and the places of names that become some."""
    made: list[KeyPath] = []
    names: dict[KeyPath, Place] = {}
    data = document.data
    for count in range(1, len(path)):
        way, data = path[:count], _inner(data, path[count - 1])
        if not isinstance(data, dict):
            made.append(way)
        if isinstance(data, str):
            names[*way, "name"] = document.place(way)
    return made, names


def _with(data: Any, path: KeyPath, value: Any, done: KeyPath) -> Any:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(key, int) and key < len(data):
        return [*data[:key], _with(data[key], rest, value, (*done, key)), *data[key + 1 :]]
    if isinstance(data, str) and done:
        data = {"name": data}
    if data is None:
        data = {}
    if not isinstance(data, dict):
        where = dotted((*done, *path))
        raise ConfigError(f"--set: {where}: {dotted(done)} has no such key", "it is not a section here")
    return {**data, key: _with(data.get(key), rest, value, (*done, key))}


def dump(data: Any) -> str:
    """YAML of plain data, keys in their order, that `parse` reads back to equal data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Loader(yaml.SafeLoader):
    """Composes nodes with YAML 1.2's scalars; refuses what is too deep, too many aliases and too many values."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.aliases = 0
        self.nodes = 0  # keys and values

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.aliases += bool(self.check_event(yaml.AliasEvent))
        self.depth += 1
        self.nodes += 1
        counted = (self.depth, MAX_DEPTH, "levels"), (self.aliases, MAX_ALIASES, "aliases")
        for count, limit, what in (*counted, (self.nodes, 2 * MAX_VALUES, "keys and values")):
            if count > limit:
                raise yaml.MarkedYAMLError(problem=f"more than {limit} {what}", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Lists of scalars on one line; text is quoted where YAML 1.1 or 1.2 would read something else."""


def _represent_list(dumper: yaml.SafeDumper, items: Sequence[Any]) -> yaml.Node:
    flow = not any(isinstance(item, list | dict) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow)


_Dumper.add_representer(list, _represent_list)

_Loader.yaml_implicit_resolvers = {}
_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
for _name, (_pattern, _first) in _SCALARS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), list(_first))


class _Reader:
    """Turns nodes into plain data and notes the place of each key."""

    def __init__(self, source: str, places: dict[KeyPath, Place]) -> None:
        self.source = source
        self.places = places

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        if len(path) > MAX_DEPTH or len(self.places) > MAX_VALUES:
            raise self.error(node, path, "too large once its aliases are written out")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.item(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(_TAG) in (*_SCALARS, "str"):
            return self.scalar(node, path)
        raise self.error(node, path, f"the tag {node.tag.replace(_TAG, '!!')} is not allowed")

    def item(self, node: yaml.Node, path: KeyPath) -> Any:
        self.places[path] = self.place(node)
        return self.value(node, path)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if key_node.tag != _TAG + "str":
                raise self.error(key_node, path, f"a key must be a word, not {_shown(key)}")
            self.check_whole(key_node, path)
            if key in data:
                first = self.places[*path, key].line
                raise self.error(key_node, (*path, key), f"this key stands twice (first on line {first})")
            self.places[*path, key] = self.place(key_node)
            data[key] = self.value(value_node, (*path, key))
        return data

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_TAG)
        self.check_whole(node, path)
        try:
            return _convert(text, kind)
        except ValueError as error:
            raise self.error(node, path, f"{_shown(text)} cannot be read as {kind}") from error

    def check_whole(self, node: yaml.ScalarNode, path: KeyPath) -> None:
        """Raises: ConfigError for a lone surrogate, which an escape can write and no file can hold."""
        try:
            str(node.value).encode()
        except UnicodeEncodeError as error:
            half = ord(error.object[error.start])
            raise self.error(node, path, f"\\u{half:04x} alone is half a character") from error

    def place(self, node: yaml.Node) -> Place:
        return Place(self.source, node.start_mark.line + 1)

    def error(self, node: yaml.Node, path: KeyPath, problem: str) -> ConfigError:
        where = f"{dotted(path)}: " if path else ""
        hint = "a config is plain YAML: sections, lists and values"
        return ConfigError(f"{self.place(node)}: {where}{problem}", hint)


def _convert(text: str, kind: str) -> Any:
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()]
    if kind == "int":
        whole = int(text, 0) if text[:2] in ("0x", "0o") else int(text)
        if abs(whole) >= MAX_WHOLE:
            raise ValueError("more than 64 bits")
        return whole
    if kind == "float":
        return float(text.replace(".", "", 1) if text[-1] in "fFnN" else text)
    return None if kind == "null" else text


def _shown(text: Any) -> str:
    shown = repr(text) if isinstance(text, str) else "a section"
    return shown if len(shown) <= 40 else f"{shown[:37]}…'"
