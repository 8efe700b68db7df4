"""`python -m tests.dashboards.record [LANGUAGE...]`: what services answer on /metrics after a made-up load.

It builds the images and starts a database. Of an answer it keeps what docs/contract.md names: nothing else may be read.
"""

import sys
import tempfile
from pathlib import Path

from tests.support import contract, engine
from tests.support.engine import database
from tests.support.engine.container import Container, running
from tests.support.engine.database import Server
from tests.support.render import ORDERS, TEMPLATE, plain_copy, render

RECORDED = Path(__file__).with_name("recorded")


def load(container: Container) -> None:
    """Requests that succeed, and some that don't."""
    for number in range(20):
        for path in ("/", "/nowhere", "/healthz", "/readyz", "/metrics", "/items", "/items/1", "/items/999999"):
            container.get(path)
        container.post("/items", {"name": f"item {number}", "quantity": number})


def kept(text: str, language: str) -> str:
    """The lines of the metrics that the contract names."""
    promised = contract.metrics(language)
    lines = []
    for line in text.splitlines():
        name = line.split()[2] if line.startswith("# TYPE") else line.partition("{")[0].partition(" ")[0]
        if not line.startswith("# HELP") and contract.family(name, promised) in promised:
            lines.append(line)
    return "\n".join(lines) + "\n"


def record(language: str, server: Server, project: Path) -> str:
    image = f"shipshape-test/recorded-{language}:v1"
    engine.build(project, f"--tag={image}", "--build-arg=VERSION=1.2.3")
    row = TEMPLATE.table("languages")[language]
    memory = row["memory"]["limit"]
    options: tuple[str, ...] = ()
    if "postgres" in row["databases"]:
        name = database.database_name(f"recorded-{language}")
        server.create(name)
        with running(image, *server.settings(name, "owner"), memory=memory, command=("migrate",)) as migration:
            assert migration.wait() == 0
        options = server.settings(name)
    with running(image, *options, memory=memory) as container:
        container.wait_until_it_answers()
        load(container)
        return kept(container.get("/metrics").body, language)


def main(languages: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        template = plain_copy(scratch / "template")
        with database.server(scratch, tls=False) as server:
            for language in languages or TEMPLATE.table("languages"):
                row = TEMPLATE.table("languages")[language]
                answers = {"language": language, "database": row["databases"][0]}
                project = render(template, scratch / language / "orders-api", **ORDERS, **answers)
                (RECORDED / f"{language}.prom").write_text(record(language, server, project))


if __name__ == "__main__":
    main(sys.argv[1:])
