"""Parses what a repository holds, by libraries, and within limits: what is malformed or too deep is None."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any
from xml.etree import ElementTree

import yaml

from .files import Repository

_DEEPEST = 100
_MOST_NODES = 200_000  # of a YAML document with its aliases written out
_QUOTED = re.compile(r"""(?:"[^"\n]*"|'[^'\n]*')(\s*[.=])?""")
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _TooMuchError(ValueError):
    """More levels or more nodes than an honest file has."""


def toml(repository: Repository, path: str) -> dict[str, Any]:
    """A TOML file's table; empty where it is not there or can't be read."""
    return _parsed(repository, path, _table, "TOML")


def json_object(repository: Repository, path: str) -> dict[str, Any]:
    """A JSON file's object; empty where it is not there or can't be read."""
    return _parsed(repository, path, json.loads, "JSON")


def yaml_mapping(repository: Repository, path: str) -> dict[str, Any]:
    """The mapping of a YAML file's first document; empty where it is not there or can't be read."""
    return _parsed(repository, path, _first_document, "YAML")


def xml(repository: Repository, path: str) -> ElementTree.Element | None:
    """The root element of an XML file; None where it is not there or can't be read. Declares entities: refused."""
    text = repository.text(path)
    if text is None:
        return None
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        repository.unread[path] = "XML with a document type, which is not read"
        return None
    try:
        return ElementTree.fromstring(text)  # noqa: S314 (at most 1 MiB, and without entities)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        repository.unread[path] = f"not XML that can be read: {error}"
        return None


def at(data: Any, *keys: str) -> Any:
    """The value below a chain of keys; None where one is missing or no mapping is there."""
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def mapping(value: Any) -> dict[str, Any]:
    """The value itself where it is a mapping, else an empty one; keys as text."""
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}


def strings(value: Any) -> list[str]:
    """The text entries of a list; of a single text, that one."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def line_of(text: str | None, *words: str) -> int:
    """The line where the last of the words stands, each looked for after the line of the one before; 0 if none does.

    It finds a key of a parsed file again, for parsers that keep no lines.
    """
    lines = (text or "").split("\n")
    start = 0
    for word in words:
        pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        start = next((i for i, line in enumerate(lines[start:], start) if pattern.search(line)), -1)
        if start < 0:
            return 0
    return start + 1


def _parsed(repository: Repository, path: str, parse: Callable[[str], Any], name: str) -> dict[str, Any]:
    text = repository.text(path)
    if text is None:
        return {}
    try:
        data = parse(text)
    except RecursionError:
        repository.unread[path] = f"{name} that is nested too deep to be read"
        return {}
    except (ValueError, yaml.YAMLError, OverflowError) as error:
        repository.unread[path] = f"not {name} that can be read: {' '.join(str(error).split())[:200]}"
        return {}
    if data is None:
        return {}
    if not isinstance(data, dict):
        repository.unread[path] = f"a {name} file with named values was expected, and it holds none"
        return {}
    return data


def _table(text: str) -> dict[str, Any]:
    """Refuses keys of very many parts, for which tomllib takes the square of their number."""
    for line in _QUOTED.sub(lambda match: match[1] or "", text).split("\n"):
        if line.split("#", 1)[0].count(".") > _DEEPEST:
            raise _TooMuchError(f"a key of more than {_DEEPEST} parts")
    return tomllib.loads(text)


def _first_document(text: str) -> Any:
    _measure(yaml.parse(text, Loader=_Loader))
    return next(iter(yaml.load_all(text, Loader=_Loader)), None)


def _measure(events: Iterable[Any]) -> None:
    """Count what the aliases of a document would grow to, which is how a YAML bomb is known, and its depth."""
    sizes: dict[str, int] = {}
    total = 0
    opened: list[tuple[str | None, int]] = []
    for event in events:
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            opened.append((event.anchor, total))
            total += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, before = opened.pop()
            if anchor:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.AliasEvent):
            total += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        if len(opened) > _DEEPEST:
            raise _TooMuchError(f"nested deeper than {_DEEPEST} levels")
        if total > _MOST_NODES:
            raise _TooMuchError(f"more than {_MOST_NODES} values, with its aliases written out")
