"""The template's own Renovate, which keeps the table of pins fresh."""

import json
import re
from typing import Any

from tests.support.paths import ROOT
from tests.support.render import TEMPLATE

MANAGERS: list[dict[str, Any]] = json.loads((ROOT / "renovate.json").read_text())["customManagers"]


def seen(name: str, text: str) -> list[tuple[str, str]]:
    """What the custom managers find in a file: dependency and version, once for each time it is found."""
    found = []
    for manager in MANAGERS:
        if not any(re.search(pattern.strip("/"), name) for pattern in manager["managerFilePatterns"]):
            continue
        for pattern in manager["matchStrings"]:
            for match in re.finditer(pattern.replace("(?<", "(?P<"), text):
                groups = match.groupdict()
                found.append((groups.get("depName") or manager["depNameTemplate"], groups["currentValue"]))
    return found


def test_the_template_s_renovate_sees_every_pin_of_the_table() -> None:
    pins = TEMPLATE.table("pins")
    found = seen("template/tables/pins.yml", (ROOT / "template/tables/pins.yml").read_text())
    expected: list[tuple[str, str]] = []
    for image in pins["images"].values():
        name, _, tag = image.partition("@")[0].partition(":")
        expected.append((name, tag))
    for tool in pins["tools"].values():
        path, _, version = tool.partition("@")
        expected.append((re.sub(r"^(github\.com/[^/]+/[^/]+(/v\d+)?).*", r"\1", path), version))
    if "go" in pins:
        expected.append(("go", str(pins["go"])))
    actions = {name for name, _ in found} & set(pins["actions"])
    assert actions == set(pins["actions"])
    assert sorted(one for one in found if one[0] not in actions) == sorted(expected)


def test_the_template_s_renovate_sees_every_action_of_the_workflows() -> None:
    for path in sorted((ROOT / "template").rglob("*.yml.jinja")):
        text = path.read_text()
        actions = re.findall(r"uses: ([\w.-]+/[\w.-]+)\S*@[0-9a-f]{40}", text)
        found = [name for name, _ in seen(str(path.relative_to(ROOT)), text)]
        assert [name for name in found if "." not in name.split("/")[0]] == actions, path
