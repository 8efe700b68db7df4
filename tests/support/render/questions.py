"""Which files each question changes, found out by rendering; run as a module it writes the page."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from copier import run_copy

from tests.support.paths import ROOT
from tests.support.render import NO_SETTINGS, ORDERS, TEMPLATE, plain_copy

PAGE = ROOT / "docs/answers.md"
BEGIN = "<!-- questions: made by `make answers`, which renders each answer and looks; a test compares -->"
END = "<!-- /questions -->"

OTHER: dict[str, Any] = {
    "service_name": "billing",
    "service_description": "Sends bills.",
    "repository": "acme-corp/billing-service",
    "image_namespace": "elsewhere",
    "port": 9000,
    "registry_host": "registry.example.org:5000",
    "aws_account_id": "111122223333",
    "aws_region": "eu-central-1",
    "platforms": "linux/amd64,linux/arm64",
    "production_host": "billing.example.org",
    "kubernetes_namespace": "billing",
    "kubernetes_entrance": "elsewhere/main",
    "kubernetes_secret_store": "vault",
    "fargate_cpu": 512,
    "fargate_memory": 2048,
}
KUBERNETES = {"orchestrator": "kubernetes"}
# A question that is asked with some answers alone is looked at there.
BESIDE: dict[str, Any] = {
    "registry_host": {"registry": "private"},
    "aws_account_id": {"registry": "ecr"},
    "aws_region": {"registry": "ecr"},
    "kubernetes_secret_store": KUBERNETES | {"kubernetes_secrets": "external-secrets"},
    "deployment_strategy": KUBERNETES,
    "fargate_cpu": {"orchestrator": "ecs"},
    "fargate_memory": {"orchestrator": "ecs"},
}
MANY = 12  # files, from which on the list says no more than that
TABLE = {
    "language": "languages",
    "registry": "registries",
    "orchestrator": "orchestrators",
    "deployment_strategy": "strategies",
    "kubernetes_access": "kubernetes_accesses",
    "kubernetes_exposure": "kubernetes_exposures",
    "kubernetes_secrets": "kubernetes_secret_sources",
    "kubernetes_monitoring": "kubernetes_monitors",
    "kubernetes_verification": "kubernetes_verifiers",
    "license": "licenses",
    "dependency_updates": "updaters",
}


def other_value(name: str) -> Any:
    """A value that is neither the default nor the one of the tests; None where there is only one choice."""
    if name in OTHER:
        return OTHER[name]
    if name == "language_version":
        return TEMPLATE.table("languages")["python"]["versions"][1]
    values = list(TEMPLATE.table(TABLE[name]))
    return values[1] if len(values) > 1 else None


def files(template: Path, folder: Path, **answers: Any) -> dict[str, bytes]:
    run_copy(str(template), folder, data=ORDERS | {"language": "python"} | answers, defaults=True, quiet=True)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".copier-answers.yml"
    }


def changes(template: Path, scratch: Path) -> dict[str, list[str]]:
    """Question to the files that another answer changes, adds or takes away."""
    before = files(template, scratch / "before")
    found = {}
    for name in TEMPLATE.questions():
        value = other_value(name)
        beside = BESIDE.get(name, KUBERNETES if name.startswith("kubernetes_") else {})
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
    value = str(TEMPLATE.questions()[name]["default"])
    spoken = {
        "service_name": "the folder's name",
        "service_description": "The … service.",
        "language_version": "the language's usual one",
        "image_namespace": "the owner, in lower case",
        "repository": "the service's name under `acme`",
        "port": "the language's usual one",
        "kubernetes_namespace": "the service's name",
        "kubernetes_access": "`kubeconfig`",
        "kubernetes_entrance": "`gateway-system/public` or `traefik/traefik`",
        "production_host": "the service's name at `example.com`",
        "fargate_memory": "the least that fits",
    }
    return spoken.get(name) or f"`{value}`"


def listed(paths: list[str]) -> str:
    if not paths:
        return "only one choice yet"
    if len(paths) >= MANY:
        return "most of the service"
    # a folder of deploy/ stands for what is in it
    shown = [re.sub(r"^(deploy/\w+/).*", r"\1", path) for path in paths]
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
