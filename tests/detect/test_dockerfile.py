"""A Dockerfile as BuildKit reads it."""

from __future__ import annotations

import pytest
from shipshape.detect.dockerfile import Instruction, expand, parse, stages


def test_instructions_with_continuations_comments_and_heredocs() -> None:
    text = (
        "# syntax=docker/dockerfile:1\n"
        "FROM alpine\n"
        "RUN apk add \\\n"
        "    # why\n"
        "\n"
        "    curl \\\n"
        "    jq\n"
        "RUN <<-EOF\n"
        "\techo one\n"
        "\tCMD not an instruction\n"
        "\tEOF\n"
        "COPY --chown=1:1 --link <<A <<'B' /there/\n"
        "one\n"
        "A\n"
        "two\n"
        "B\n"
        'cmd ["a", "b\\"c"]\n'
    )
    assert [(one.keyword, one.value, one.line) for one in parse(text)] == [
        ("FROM", "alpine", 2),
        ("RUN", "apk add curl jq", 3),
        ("RUN", "<<-EOF", 8),
        ("COPY", "<<A <<'B' /there/", 12),
        ("CMD", '["a", "b\\"c"]', 17),
    ]
    _, _, run, copy, command = parse(text)
    assert run.heredocs == ("echo one\nCMD not an instruction",)
    assert (copy.flags, copy.heredocs) == ((("chown", "1:1"), ("link", "")), ("one", "two"))
    assert command.words == ["a", 'b"c']


def test_another_escape() -> None:
    assert [one.value for one in parse("# escape=`\nFROM windows\nRUN dir `\n  c:\\\n")] == ["windows", "dir c:\\"]


@pytest.mark.parametrize(
    ("value", "words"), [('["a"]', ["a"]), ("a b", None), ("['a']", None), ('["a", 1]', None), ("[", None)]
)
def test_exec_form_is_json(value: str, words: list[str] | None) -> None:
    assert Instruction("CMD", value, 1).words == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "1"),
        ("${A}", "1"),
        ("${B:-2}", "2"),
        ("${A:-2}", "1"),
        ("${EMPTY:-2}", "2"),
        ("${EMPTY-2}", ""),
        ("${A:+yes}", "yes"),
        ("${B:+yes}", ""),
        ("$B", "$B"),
        ("\\$A", "\\$A"),
    ],
)
def test_variables(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "EMPTY": ""}) == expected


def test_stages_inherit() -> None:
    text = (
        "ARG VERSION=3.12\n"
        "FROM python:${VERSION}-slim AS Base\n"
        "ENV PORT=8000 NAME='a b'\n"
        "ENV OLD form of it\n"
        "ARG VERSION\n"
        'CMD ["base"]\n'
        "FROM --platform=$BUILDPLATFORM base AS final\n"
        "EXPOSE $PORT\n"
    )
    first, last = stages(text)
    assert (first.image, first.name, last.base, last.image) == ("python:3.12-slim", "base", first, "base")
    command, exposed = last.last("CMD"), last.last("EXPOSE")
    assert command is not None
    assert exposed is not None
    assert (command.line, last.expanded(exposed.value)) == (6, "8000")
    assert last.values() == {"PORT": "8000", "NAME": "a b", "OLD": "form of it", "VERSION": "3.12"}
