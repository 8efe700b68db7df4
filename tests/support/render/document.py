"""A rendered page, read so that tests run the commands that a reader would type."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEPLOY = "deploy/README.md"
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """The text of a code block, and the heading that it stands under."""

    heading: str
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """Every code block, from top to bottom; one in a list loses the list's indent."""
    found = []
    for match in FENCE.finditer(page):
        heading = [*HEADING.finditer(FENCE.sub(blank, page[: match.start()]))][-1][1]
        lines = [line.removeprefix(match["indent"]) for line in match["text"].splitlines()]
        found.append(Block(heading, match["language"], "\n".join(lines)))
    return found


def blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def shell(project: Path, heading: str, values: Mapping[str, str], block: int = 0) -> str:
    """The commands under a heading of deploy/README.md, with `values` in the place of what stands for them there.

    `block` counts the heading's shell blocks from 0. Raises AssertionError where the page has none, or says none of a
    placeholder: then the page has changed, and the test that runs it must too.
    """
    under = [
        one.text for one in blocks((project / DEPLOY).read_text()) if (one.heading, one.language) == (heading, "sh")
    ]
    assert len(under) > block, f"{DEPLOY} has no shell block {block} under {heading}"
    text = under[block]
    for placeholder, value in values.items():
        assert placeholder in text, f"{DEPLOY}, {heading}: {placeholder} is not in\n{text}"
        text = text.replace(placeholder, value)
    return text


def run(
    project: Path, commands: str, environment: Mapping[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run commands as if typed in the repository; the first that fails ends them."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=project, env={**os.environ, **environment},
        input=stdin, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def sections(page: str) -> dict[str, str]:
    """The second-level headings of a page, in order, and the text under each."""
    _, *rest = re.split(
        r"^## (.+)\n", FENCE.sub(lambda match: match[0].replace("\n## ", "\n"), page), flags=re.MULTILINE
    )
    return {heading: text.strip() for heading, text in zip(rest[::2], rest[1::2], strict=True)}


def anchors(page: str) -> set[str]:
    """What GitHub makes of the headings: https://docs.github.com/en/get-started/writing-on-github."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(FENCE.sub(blank, page))
    }
