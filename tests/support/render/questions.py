"""Which files each question changes, found out by rendering; run as a module it writes the page."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from copier import run_copy

from tests.support.expectations import expected
from tests.support.paths import ROOT
from tests.support.render import NO_SETTINGS, ORDERS, TEMPLATE, plain_copy

PAGE = ROOT / "docs/answers.md"
BEGIN = "<!-- questions: made by `make answers`, which renders each answer and looks; a test compares -->"
END = "<!-- /questions -->"

MANY = 12  # files, from which on the list says no more than that


def other_value(name: str) -> Any:
    """A value that is neither the default nor the one of the tests; None where there is only one choice."""
    if "other" in expected("question", name):
        return expected("question", name)["other"]
    values = list(TEMPLATE.table(TEMPLATE.choices()[name]))
    return values[1] if len(values) > 1 else None


def files(template: Path, folder: Path, **answers: Any) -> dict[str, bytes]:
    data = ORDERS | {"language": "python"} | answers
    # one of several services has an answers file of its own
    kept = ".copier-answers.orders.yml" if "service_path" in answers else ".copier-answers.yml"
    run_copy(str(template), folder, data=data, answers_file=kept, defaults=True, quiet=True)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".copier-answers.")
    }


def changes(template: Path, scratch: Path) -> dict[str, list[str]]:
    """Question to the files that another answer changes, adds or takes away."""
    before = files(template, scratch / "before")
    found = {}
    for name in TEMPLATE.questions():
        value = other_value(name)
        beside = expected("question", name).get("asked_with", {})
        base = files(template, scratch / f"{name}-before", **beside) if beside else before
        after = base if value is None else files(template, scratch / name, **beside, **{name: value})
        found[name] = sorted(path for path in base.keys() | after.keys() if base.get(path) != after.get(path))
    return found


def table(template: Path, scratch: Path) -> str:
    lines = ["| answer | question | default | changes |", "|---|---|---|---|"]
    for name, paths in changes(template, scratch).items():
        question = TEMPLATE.questions()[name]
        lines.append(f"| `{name}` | {plain(question['help'])} | {default(name)} | {listed(paths)} |")
    return "\n".join(lines)


def plain(text: str) -> str:
    return re.sub(r"\s*\(.*\)", "", text)


def default(name: str) -> str:
    spoken: str | None = expected("question", name).get("spoken")
    return spoken or f"`{TEMPLATE.questions()[name]['default']}`"


def listed(paths: list[str]) -> str:
    if not paths:
        return "only one choice yet"
    if len(paths) >= MANY:
        return "most of the service"
    # a folder of deploy/ stands for what is in it, and that of one of several services is left out
    shown = [re.sub(r"^(deploy/\w+/).*", r"\1", path.removeprefix("services/orders/")) for path in paths]
    return ", ".join(f"`{path}`" for path in dict.fromkeys(shown))


def written() -> str:
    """The table as the page has it."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def write(table: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    os.environ.update(NO_SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        write(table(plain_copy(Path(folder, "template")), Path(folder)))
