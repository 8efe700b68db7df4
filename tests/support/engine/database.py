"""A PostgreSQL with the two roles of docs/contract.md, with TLS or without."""

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.support import engine
from tests.support.engine.container import free_port
from tests.support.paths import PROJECT
from tests.support.render import TEMPLATE
from tests.support.sigstore.keys import Authority

PASSWORDS = {"owner": "own3r-S3cret", "app": "app-S3cret"}
# A database `secure…` takes connections by TLS alone, as RDS does.
RULES = """\
local all all trust
hostssl all all all scram-sha-256
hostnossl "/^secure" all all reject
hostnossl all all all scram-sha-256
"""
WITH_TLS = """\
install -m 600 /tls/localhost.key "$PGDATA/server.key"
install -m 600 /tls/localhost.pem "$PGDATA/server.crt"
install -m 600 /tls/pg_hba.conf "$PGDATA/pg_hba.conf"
psql --username=postgres --command="ALTER SYSTEM SET ssl = on"
"""


@dataclass(frozen=True)
class Server:
    """A server on a port of 127.0.0.1; the files of its authority, and of another of the same name, are in `tls`."""

    name: str
    port: int
    tls: Path

    def sql(self, query: str, database: str = "postgres") -> str:
        """Run a query as superuser, over the socket."""
        return engine.docker(
            "exec", self.name, "psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-p", str(self.port), "-U", "postgres",
            "-d", database, "-c", query,
        ).strip()  # fmt: skip

    def create(self, database: str) -> None:
        """Make a database and its roles `owner` and `app`, by the script that a service ships."""
        engine.docker("exec", self.name, "bash", "/roles.sh", database, "owner", "app")

    def url(self, database: str, role: str = "app", host: str = "127.0.0.1", **parameters: str) -> str:
        query = f"?{urlencode(parameters, safe='/')}" if parameters else ""
        return f"postgresql://{role}@{host}:{self.port}/{database}{query}"

    def settings(self, database: str, role: str = "app", host: str = "127.0.0.1", **parameters: str) -> tuple[str, str]:
        """Docker's options for a service that uses the database."""
        url = self.url(database, role, host, **parameters)
        return f"--env=DATABASE_URL={url}", f"--env=DATABASE_PASSWORD={PASSWORDS[role]}"


@contextmanager
def server(scratch: Path, tls: bool) -> Iterator[Server]:
    container, port = f"shipshape-test-database-{uuid.uuid4().hex[:8]}", free_port()
    files = [*roles(scratch), *(certificates(scratch) if tls else ())]
    image: str = TEMPLATE.table("pins")["images"]["postgres"].partition("@")[0]
    engine.docker(
        "run", "--detach", f"--name={container}", "--network=host", "--shm-size=128m", "--tmpfs=/var/lib/postgresql",
        "--env=POSTGRES_HOST_AUTH_METHOD=scram-sha-256", f"--env=POSTGRES_PASSWORD={uuid.uuid4()}",
        f"--env=PGPORT={port}", "--env=PGUSER=postgres", *files, image,
        "-c", "fsync=off", "-c", "max_connections=200",
    )  # fmt: skip
    try:
        started = Server(container, port, scratch)
        wait(started)
        yield started
    finally:
        engine.docker("unpause", container, check=False)
        engine.docker("rm", "--force", "--volumes", container)


def roles(folder: Path) -> Iterator[str]:
    """Docker's options that mount the script of the roles, and the passwords that it reads."""
    yield f"--volume={PROJECT / '{{ only.postgres }}/deploy/database/roles.sh'}:/roles.sh:ro"
    for role, setting in {"owner": "DATABASE_OWNER_PASSWORD_FILE", "app": "DATABASE_PASSWORD_FILE"}.items():
        path = folder / role
        path.write_text(PASSWORDS[role])
        path.chmod(0o644)
        yield f"--volume={path}:/run/secrets/{role}:ro"
        yield f"--env={setting}=/run/secrets/{role}"


def certificates(folder: Path) -> tuple[str, str]:
    """Make the files of a server with TLS; returns Docker's options that mount them."""
    Authority(folder, "authority").server("localhost", folder)
    other = folder / "other"
    other.mkdir()
    Authority(other, "authority")
    (folder / "pg_hba.conf").write_text(RULES)
    (folder / "tls.sh").write_text(WITH_TLS)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # for PostgreSQL, and for a service that mounts the authority
    return f"--volume={folder}:/tls:ro", f"--volume={folder}/tls.sh:/docker-entrypoint-initdb.d/tls.sh:ro"


def wait(started: Server, seconds: float = 60) -> None:
    """Over TCP: while the image sets up a new database, its server answers on the socket alone."""
    deadline = time.monotonic() + seconds
    ready = ("pg_isready", "--quiet", "--host=127.0.0.1", f"--port={started.port}")
    while True:
        try:
            engine.docker("exec", started.name, *ready)
        except engine.DockerError:
            assert time.monotonic() < deadline, engine.docker("logs", started.name)
            time.sleep(0.2)
        else:
            return


def database_name(label: str) -> str:
    """A database's name for a language and its version."""
    return re.sub(r"\W", "_", label)
