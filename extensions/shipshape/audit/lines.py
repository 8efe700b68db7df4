"""YAML and JSON with the line of each key; nothing is built from tags, and no bomb is unfolded."""

from __future__ import annotations

import re
from typing import Any

import yaml

DEPTH = 100  # levels: what is deeper was not written for a deployment
SIZE = 100_000  # values, each alias counted as often as it is named
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


class UnreadableError(Exception):
    """The text is no YAML or JSON, or is too deep or too large; one line that says so, with its place."""


class Map(dict[str, Any]):
    """A mapping whose keys are texts, `on` too; `at` tells where it and each key begins, from 1."""

    def __init__(self, line: int = 1) -> None:
        """Begin empty, at a line."""
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def at(self, *keys: str) -> int:
        """The line of the last key of a path that is there; the mapping's own where none is."""
        line, here = self.line, self
        for key in keys:
            if key not in here.lines:
                return line
            line = here.lines[key]
            if not isinstance(value := here[key], Map):
                return line
            here = value
        return line


class Seq(list[Any]):
    """A sequence; `lines` has the line of each value."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.lines: list[int] = []


def mapping(value: Any) -> Map:
    """The value if it is a mapping, else an empty one: who reads foreign files can't rely on a type."""
    return value if isinstance(value, Map) else Map()


def sequence(value: Any) -> Seq:
    """The value if it is a sequence, else an empty one."""
    return value if isinstance(value, Seq) else Seq()


def dig(value: Any, *keys: str) -> Any:
    """What is at the end of a path of keys; None where there is nothing."""
    for key in keys:
        value = mapping(value).get(key)
    return value


def load(text: str, *, intrinsic: bool = False) -> list[Any]:
    """Read the documents of a text; with `intrinsic`, `!Ref x` becomes {"Ref": x}, and `!Sub x` {"Fn::Sub": x}.

    Raises UnreadableError.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in {"{", "["}:
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not; within a JSON text there is none
    try:
        _measure(text)
        roots = list(yaml.compose_all(text, Loader=_LOADER))
        builder = _Builder(intrinsic)
        return [builder.value(root) for root in roots if root is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UnreadableError(f"line {line} is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableError(f"no YAML: {' '.join(str(error).split())}") from error


def _measure(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                raise UnreadableError(f"line {_line(event)} is more than {DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Builds values from nodes, each node once: what an alias names is shared, and only counted again."""

    def __init__(self, intrinsic: bool) -> None:
        self.intrinsic = intrinsic
        self.built: dict[int, tuple[yaml.Node, Any, int]] = {}  # the node too, or its id would be given again
        self.open: set[int] = set()
        self.size = 0

    def value(self, node: yaml.Node) -> Any:
        known = self.built.get(id(node))
        if known:
            self._count(known[2])
            return known[1]
        if id(node) in self.open:
            raise UnreadableError(f"line {node.start_mark.line + 1} contains itself")
        self.open.add(id(node))
        before = self.size
        self._count(1)
        value = self._built(node)
        self.open.discard(id(node))
        self.built[id(node)] = (node, value, self.size - before)
        return value

    def _count(self, number: int) -> None:
        self.size += number
        if self.size > SIZE:
            raise UnreadableError(f"more than {SIZE:,} values")

    def _built(self, node: yaml.Node) -> Any:
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            value = Seq()
            for item in node.value:
                value.append(self.value(item))
                value.lines.append(item.start_mark.line + 1)
        else:
            value = _scalar(node)
        if self.intrinsic and node.tag.startswith("!") and len(node.tag) > 1:
            name = node.tag[1:]
            function = Map(node.start_mark.line + 1)
            key = name if name in {"Ref", "Condition"} else f"Fn::{name}"
            function[key], function.lines[key] = value, function.line
            return function
        return value

    def _mapping(self, node: yaml.MappingNode) -> Map:
        value = Map(node.start_mark.line + 1)
        merged: list[Map] = []
        for key, item in node.value:
            name = key.value if isinstance(key.value, str) else str(key.value)
            if name == "<<" and not key.style:
                below = self.value(item)
                merged += [one for one in (below if isinstance(below, Seq) else [below]) if isinstance(one, Map)]
                continue
            value[name], value.lines[name] = self.value(item), key.start_mark.line + 1
        for other in merged:
            for name in other.keys() - value.keys():
                value[name], value.lines[name] = other[name], other.lines[name]
        return value


def _line(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _scalar(node: Any) -> Any:
    text = str(node.value)
    if node.style in {"'", '"', "|", ">"}:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _NUMBER.fullmatch(text) else text
