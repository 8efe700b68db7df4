"""Every combination renders whole, clean and pure."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path

import pytest
import yaml
from pytest_copie.plugin import Result
from shipshape.template import Answers

from tests.render.conftest import NEEDS_TRUST
from tests.support.paths import ROOT
from tests.support.render import COMBINATIONS, ORDERS, TEMPLATE, git, name_of, render
from tests.support.render.answers import ECS, KUBERNETES, LAMBDA, MACHINES

# `${{ }}` is GitHub's, `{{ $value }}` Prometheus's, `{{.State}}` Docker's
UNRENDERED = re.compile(r"(?<!\$)\{\{(?! \$|[.])|\{%|\{#|%\}")


class Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms (`!Sub`) as what stands behind them."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: node.value)

PARSERS: dict[str, Callable[[str], object]] = {
    ".yml": lambda text: list(yaml.load_all(text, Loader)),
    ".yaml": lambda text: list(yaml.load_all(text, Loader)),
    ".json": json.loads,
    ".toml": tomllib.loads,
}
GENERATED = {"go.sum", "uv.lock"}
# The matrix, and what each orchestrator has beside it.
EVERY = {name_of(one): one for one in [*COMBINATIONS, *KUBERNETES, *ECS, *LAMBDA, *MACHINES]}
TABBED = {".go", "go.mod", "Makefile", "Caddyfile"}


def files(project: Path) -> dict[Path, str]:
    return {p.relative_to(project): p.read_text() for p in sorted(project.rglob("*")) if p.is_file()}


def test_every_two_rows_of_the_tables_meet() -> None:
    tables = {"registry": TEMPLATE.table("registries"), "orchestrator": TEMPLATE.table("orchestrators")}
    versions = [(name, v) for name, row in TEMPLATE.table("languages").items() for v in row["versions"]]
    met = {(a["language"], a["language_version"], a[question]) for a in COMBINATIONS for question in tables}
    # Lambda takes images of ECR alone, and meets each language once.
    firsts = {(name, row["versions"][0], "lambda") for name, row in TEMPLATE.table("languages").items()}
    free = {(*version, value) for version in versions for table in tables.values() for value in table}
    assert met == firsts | {one for one in free if one[2] != "lambda"}
    met_too = {(a["registry"], a["orchestrator"]) for a in COMBINATIONS}
    pairs = set(product(*tables.values()))
    assert met_too == {pair for pair in pairs if pair[1] != "lambda" or pair[0] == "ecr"}


def test_everything_is_rendered_and_parses(project: Path) -> None:
    texts = files(project)
    assert len(texts) > 15
    for path, text in texts.items():
        # docker/metadata-action has {{version}}, a form of its own
        # and CloudFormation's {{resolve:secretsmanager:…}}, too
        left = UNRENDERED.search(text.replace("pattern={{version}}", "").replace("{{resolve:secretsmanager:", ""))
        assert not left, f"{path}: {text[left.start() - 30 : left.end() + 30]!r}" if left else ""
        if parse := PARSERS.get(path.suffix):
            parse(text)


def test_no_debris(project: Path) -> None:
    for path, text in files(project).items():
        if path.name in GENERATED:
            continue
        if path.name not in {"py.typed"}:
            assert text.endswith("\n"), f"{path}: no line feed at the end"
        assert not text.endswith("\n\n"), f"{path}: blank lines at the end"
        assert not text.startswith("\n"), f"{path}: a blank line at the start"
        most = "\n\n\n\n" if path.suffix in {".py", ".mako"} or path.name == "Dockerfile" else "\n\n\n"
        assert most not in text, f"{path}: blank lines"
        for number, line in enumerate(text.splitlines(), 1):
            assert line == line.rstrip(), f"{path}:{number}: white space at the end"
            assert "\t" not in line or path.name in TABBED or path.suffix in TABBED, f"{path}:{number}: a tab"


def gaps(text: str) -> Iterator[str]:
    """What stands below a blank line in YAML, deep in what belongs together: it parts sections, resources and steps.

    In a block of text it is the text's.
    """
    block = None
    for line, below in pairwise(text.splitlines()):
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line or indent > block):
            continue
        block = indent if re.search(r"[|>][-+]?( +#.*)?$", line) else None
        if not line and below.startswith("   "):
            yield below


@pytest.mark.parametrize("answers", EVERY.values(), ids=name_of)
def test_no_blank_line_parts_what_belongs_together(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    for path, text in files(rendered(answers)).items():
        if path.suffix in {".yml", ".yaml"}:
            assert not list(gaps(text)), path


@pytest.mark.parametrize("answers", COMBINATIONS, ids=name_of)
def test_the_same_answers_give_the_same_bytes_anywhere(
    answers: Answers, rendered: Callable[[Answers], Path], copied: Callable[[Path, Answers], Result], tmp_path: Path
) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before/setup.py").write_text("# code was here before\n")
    result = copied(tmp_path / "before", answers | {"source": "starter"})
    assert {name: result.answers[name] for name in answers} == answers
    assert result.project_dir
    (result.project_dir / "setup.py").unlink()
    # Whose code it is, is asked where there is code: that answer is kept.
    answered = result.project_dir / ".copier-answers.yml"
    answered.write_text(answered.read_text().replace("source: starter\n", ""))
    assert files(result.project_dir) == files(rendered(answers))


def test_pytest_copie_hides_no_failure(copied: Callable[[Path, Answers], Result], tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with pytest.raises(AssertionError, match="use a number from 1025"):
        copied(tmp_path / "before", {"port": 80})


def test_our_quick_renderings_are_those_of_copiers_own_command(
    rendered: Callable[[Answers], Path], plain_template: Path, tmp_path: Path
) -> None:
    answers = COMBINATIONS[0]
    data = [f"--data={name}={value}" for name, value in (ORDERS | answers).items()]
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", *data]
    subprocess.run([*command, plain_template, tmp_path / "orders-api"], check=True)
    assert files(tmp_path / "orders-api") == files(rendered(answers))


def test_the_template_asks_for_no_trust() -> None:
    settings = {name for name in TEMPLATE.entries() if name.startswith("_")}
    assert not settings & NEEDS_TRUST
    assert "_envops" in settings


@pytest.mark.parametrize("name", list(TEMPLATE.table("licenses")))
def test_each_license_has_its_text(name: str, plain_template: Path, tmp_path: Path) -> None:
    project = render(plain_template, tmp_path / "orders", **ORDERS | {"license": name})
    assert len((project / "LICENSE").read_text()) > 150
    spdx = TEMPLATE.table("licenses")[name]["spdx"]
    assert f'licenses="{spdx}"' in (project / "Dockerfile").read_text()


def test_a_rendering_keeps_out_of_git_what_must_not_get_in(project: Path, tmp_path: Path) -> None:
    for name in (".env", ".secrets/database_password", ".cache/image.tar"):
        assert any(
            name == line or name.startswith(line)
            for line in (project / ".gitignore").read_text().splitlines()
            if line and not line.startswith("#")
        ), name


def test_nothing_names_this_machine(project: Path) -> None:
    for path, text in files(project).items():
        for word in ("127.0.0.1:5000", "standin", str(ROOT)):
            assert word not in text, path


def test_every_file_of_the_template_is_tracked_or_new() -> None:
    ignored = git(ROOT, "ls-files", "--others", "--ignored", "--exclude-standard", "template").split()
    assert not [name for name in ignored if "__pycache__" not in name], "a file that .gitignore hides would never ship"
