"""A host of the service: its folder, its engine, a registry with a password, and versions of the service in it."""

import itertools
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import yaml
from shipshape.template import Answers

from tests.pipeline.conftest import registry  # noqa: F401 (a fixture)
from tests.support import engine
from tests.support.engine.container import Answer, free_port, read
from tests.support.engine.load import Load
from tests.support.engine.registry import Guarded, guarded
from tests.support.paths import ENGINE
from tests.support.render import ORDERS, render

SITE = "orders-api.internal"  # a name for which Caddy is its own authority, as the rendered Caddyfile has it
STEPS = ("start", "switch_traffic", "finish")
ON_HOST = (
    "compose.prod.yaml", "Caddyfile", "lib.sh", "stack.sh", "checks.sh", "release.sh", "migrate.sh", "prune.sh",
    "disk.sh", "backup.sh", "restore.sh", "offsite.sh", "../database/roles.sh",
)  # fmt: skip


class Site(HTTPSConnection):
    """A connection to the proxy as from outside, by the service's name, wherever it is."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext, site: str = SITE) -> None:
        super().__init__(site, port, timeout=10, context=context)
        self.address, self.tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), 10)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


@dataclass
class Release:
    """A run of release.sh: all it printed, and how it ended; `None` while it waits for its next step."""

    process: subprocess.Popen[str]
    config: str  # Docker's, to pull with
    output: list[str] = field(default_factory=list)
    code: int | None = None

    @property
    def last(self) -> str:
        return next(line for line in reversed(self.output) if line != "ok\n").strip()

    def read(self, until: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if until in line:
                return
        raise AssertionError(f"never said {until}:\n{''.join(self.output)}")

    def tell(self, step: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"start {self.config}\n" if step == "start" else f"{step}\n")
        self.process.stdin.flush()

    def done(self, *steps: str) -> bool:
        """Whether it did these steps, one after the other."""
        for step in steps:
            self.tell(step)
            assert self.process.stdout
            for line in self.process.stdout:
                self.output.append(line)
                if line == "ok\n":
                    break
            else:
                return False
        return True

    def end(self) -> int:
        """Close its input, read what it says to that, and return how it ended."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.output += self.process.stdout.readlines()
        self.process.stdout.close()
        self.code = self.process.wait(timeout=120)
        return self.code

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.end()


@dataclass
class Host:
    """One host, on which release.sh is run directly, its questions answered by the test."""

    home: Path
    project: Path
    registry: Guarded
    repository: str
    https: int
    http: int
    versions: dict[str, str] = field(default_factory=dict)
    site: str = SITE
    files: tuple[str, ...] = ON_HOST
    entrance: str = ""  # the folder of the proxy that has the ports, where it is not the service's own

    @property
    def name(self) -> str:
        return self.project.name

    @property
    def folder(self) -> Path:
        return self.home / self.name

    def image(self, version: str) -> str:
        return f"{self.repository}@{self.versions[version]}"

    def begin(self, version: str, config: str | None = None, *, strict: bool = False, **settings: str) -> Release:
        """Start release.sh as deploy.sh does, from files that were just sent; it waits for its first step.

        `strict`: they come from a machine that has umask 077.
        """
        incoming = self.home / self.name / f"incoming.{next(COUNTER)}"
        incoming.mkdir(parents=True)
        for name in self.files:
            shutil.copy2(self.project / "deploy/compose" / name, incoming)
        shutil.copy2(self.project / "deploy/compose/production.env", incoming / "settings.env")
        for override in self.project.glob("deploy/compose/compose.own.yaml"):
            shutil.copy2(override, incoming)
        for path in incoming.iterdir() if strict else ():
            path.chmod(path.stat().st_mode & 0o700)
        process = subprocess.Popen(
            [incoming / "release.sh", self.image(version)],
            env=engine.environment() | {"HOME": str(self.home)} | settings, start_new_session=True, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Release(process, self.registry.login if config is None else config)

    def release(self, version: str, *steps: str, config: str | None = None) -> Release:
        """Run release.sh to its end; where not all steps are named, its input ends after them."""
        run = self.begin(version, config)
        run.done(*(steps or STEPS))
        run.end()
        return run

    def recover(self) -> tuple[int, str]:
        """What recover.sh does on the host."""
        result = subprocess.run(
            [self.folder / "release.sh", "--recover"], env=engine.environment() | {"HOME": str(self.home)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return result.returncode, result.stdout

    def deployed(self, version: str) -> Release:
        run = self.release(version)
        assert run.code == 0, "".join(run.output)
        return run

    def compose(self, *arguments: str) -> str:
        return engine.docker("compose", *arguments, cwd=self.folder)

    def live(self) -> str:
        """The version that answers a caller from outside."""
        return str(self.ask("/").json["version"])

    def sql(self, query: str) -> str:
        """What the database answers to its superuser, who is there inside its container alone."""
        psql = ("psql", "-qtAX", "--username=postgres", "--dbname=app", "--set=ON_ERROR_STOP=1")
        return self.compose("exec", "-T", "database", *psql, "--command", query).strip()

    def slots(self) -> set[str]:
        """The slots with a container, running or not."""
        return {name for name in ("blue", "green") if self.compose("ps", "--all", "--quiet", name).strip()}

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = Site("127.0.0.1", self.https, self.trust(), self.site)
        try:
            connection.request(method, path, headers=headers)
            return read(connection.getresponse())
        finally:
            connection.close()

    def trust(self) -> ssl.SSLContext:
        """Trusts the proxy's own authority alone: what a browser's store is to a public name."""
        command = ("compose", "exec", "-T", "proxy", "cat", "/data/caddy/pki/authorities/local/root.crt")
        root = engine.docker(*command, cwd=self.home / (self.entrance or self.name))
        return ssl.create_default_context(cadata=root)

    @contextmanager
    def under_load(self, pause: float = 0.03, path: str = "/") -> Iterator[Load]:
        """Callers from outside all the while, over connections that stay open; no request is lost, or asked twice."""
        context = self.trust()

        def connect(port: int) -> Site:
            return Site("127.0.0.1", port, context, self.site)

        load = Load(lambda: [self.https], path, connect, workers=4, pause=pause)
        with load.running():
            yield load
        assert load.lost == []
        assert load.asked_again == 0, "the proxy closed a connection"
        assert set(load.answers) == {200}
        assert load.answers[200] > 50


COUNTER = itertools.count()


def here(project: Path, https: int, http: int) -> None:
    """What differs on this machine: ports that are free, and stand-ins for public images."""
    services: dict[str, dict[str, object]] = {"proxy": {}, "database": {}, "cache": {}}
    if ENGINE.exists():
        stack = yaml.safe_load((project / "deploy/compose/compose.prod.yaml").read_text())
        for name, service in services.items():
            service["image"] = stack["services"][name]["image"].partition("@")[0]
    text = yaml.safe_dump({"services": services})
    ports = f"[127.0.0.1:{http}:80, 127.0.0.1:{https}:443, 127.0.0.1:9180:9180, 127.0.0.1:9181:9181]"
    text = text.replace("  proxy:", f"  proxy:\n    ports: !override {ports}").replace(" {}\n", "\n")
    (project / "deploy/compose/compose.own.yaml").write_text(text)


@pytest.fixture(scope="module")
def host(
    registry: str,  # noqa: F811
    built: Callable[..., str],
    plain_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Host]:
    """A host with nothing on it yet, and versions of a service in Go, which starts soonest; it has a cache."""
    scratch = tmp_path_factory.mktemp("host")
    with guarded(registry) as front:
        name = f"hosted-{os.getpid()}-{next(COUNTER)}"
        answers: Answers = ORDERS | {
            "language": "go", "service_name": name, "orchestrator": "compose", "registry": "private", "cache": "valkey",
            "registry_host": front.address, "production_host": SITE,
        }  # fmt: skip
        project = render(plain_template, scratch / name, **answers)
        home = scratch / "home"
        home.mkdir()
        started = Host(home, project, front, f"{front.address}/octo-org/shop/{name}", free_port(), free_port())
        here(project, started.https, started.http)
        started.versions |= make_versions(project, registry, built("go", "valkey"))
        try:
            yield started
        finally:
            if (started.folder / ".env").exists():
                started.compose("down", "--volumes", "--remove-orphans")
            for line in engine.docker(
                "image", "ls", "--quiet", "--filter", f"reference=*/octo-org/shop/{name}"
            ).split():
                engine.docker("image", "rm", "--force", line, check=False)


def make_versions(project: Path, registry: str, base: str) -> dict[str, str]:  # noqa: F811
    """Make versions of a built image, which differ as little as they need to; returns their digests."""
    behind = f"{registry}/octo-org/shop/{project.name}"
    sick = 'HEALTHCHECK --interval=1s --retries=2 --start-period=1s CMD ["/app/service", "no-such-command"]'
    unmigrated = 'ENTRYPOINT ["/app/service", "no-such-command"]'  # so that `migrate` is one argument too many
    variants = {name: f"ENV VERSION={name}" for name in ("one", "two", "three", "four", "five")}
    variants |= {"sick": sick, "unmigrated": unmigrated}
    digests = {}
    for name, line in variants.items():
        subprocess.run(
            ["docker", "build", "--quiet", f"--tag={behind}:{name}", "-"], check=True, capture_output=True,
            input=f"FROM {base}\n{line}\n", text=True, env=engine.environment(),
        )  # fmt: skip
        engine.docker("push", "--quiet", f"{behind}:{name}")
        # another host's registry may have the very same image
        pushed = engine.inspect("image", f"{behind}:{name}")["RepoDigests"]
        digests[name] = next(digest.partition("@")[2] for digest in pushed if digest.startswith(f"{behind}@"))
    engine.docker("image", "rm", *(f"{behind}:{name}" for name in digests))
    return digests
