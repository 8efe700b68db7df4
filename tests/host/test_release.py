"""release.sh on a host with a real engine: what must hold whatever happens to a deployment."""

import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from tests.host.conftest import SITE, STEPS, Host
from tests.support import engine
from tests.support.render import document
from tests.support.run import figures

pytestmark = pytest.mark.engine

LABELS = "com.docker.compose.project,com.docker.compose.service"
LOGGING = {"max-file": "5", "max-size": "10m", "labels": LABELS}


@pytest.fixture(autouse=True)
def _live(host: Host, request: pytest.FixtureRequest) -> None:
    """All tests but the first find version one live, whichever of them are run."""
    if "empty_host" in request.node.name:
        return
    if not (host.folder / "slots/live").exists() or host.live() != "one":
        host.deployed("one")


def test_first_deployment_on_an_empty_host(host: Host) -> None:
    with figures.timed("host", "first deployment"):
        run = host.deployed("one")
    assert run.last == f"release: live is {host.image('one')}"
    assert host.live() == "one"
    assert json.loads(inside("/readyz"))["checks"] == {"database": "ok", "cache": "ok"}
    passwords = [host.folder / f"secrets/{of}_password" for of in ("database", "database_owner", "cache")]
    for password in passwords:
        assert re.fullmatch(r"[0-9a-f]{48}", password.read_text())
        assert stat.S_IMODE(password.parent.stat().st_mode) == 0o700
    assert len({password.read_text() for password in passwords}) == len(passwords)
    assert not list(host.folder.glob("incoming.*"))


def test_registry_credentials_are_needed_and_none_are_left(host: Host) -> None:
    assert host.registry.reads, "the image came from elsewhere"
    run = host.release("two", config="")
    assert run.code == 1
    assert "no basic auth credentials" in "".join(run.output)
    assert host.live() == "one"
    left = Path(os.environ.get("XDG_RUNTIME_DIR", "/dev/shm")) / f"{host.name}-pull"  # noqa: S108
    left.mkdir()  # by a run that was killed
    (left / "config.json").write_text(host.registry.login)
    run = host.begin("two")
    assert run.done("start"), run.output
    assert not left.exists(), "they are needed no longer"
    assert run.done("switch_traffic", "finish"), run.output
    assert run.end() == 0, run.output
    assert host.live() == "two"
    for place in (host.home, Path("/dev/shm")):  # noqa: S108
        # By grep: other tests' files in there come and go meanwhile.
        found = subprocess.run(
            ["grep", "--recursive", "--files-with-matches", "--no-messages", "--fixed-strings", "--devices=skip",
             "--file=-", place],
            input=host.registry.token, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert found.stdout == ""
    assert not (host.home / ".docker").exists()


def test_switch_of_traffic_loses_no_request(host: Host) -> None:
    with host.under_load(pause=0) as load, figures.timed("host", "deployment"):
        run = host.deployed("two")
        assert host.live() == "two"
    assert len(host.slots()) == 1, "the old version is gone"
    assert run.last == f"release: live is {host.image('two')}"
    figures.note("host", "requests during it", load.answers[200], "")


def test_rollback_of_a_version_that_fails_its_health_check(host: Host) -> None:
    with host.under_load():
        run = host.release("sick")
    assert run.code == 1
    assert "release: the new version did not become healthy\n" in run.output
    assert run.last == f"release: live is {host.versions['one']}, as before"
    assert "ok\n" not in run.output
    assert host.live() == "one"
    assert len(host.slots()) == 1
    assert host.versions["sick"] not in images(host), "it takes up no room"


@pytest.mark.parametrize("steps", [("start",), ("start", "switch_traffic")], ids=["testing", "watching"])
def test_rollback_of_an_unfinished_deployment(host: Host, steps: tuple[str, ...]) -> None:
    """Its test or its watch has failed, or who deploys is gone."""
    with host.under_load():
        run = host.release("two", *steps)
    assert run.code == 1
    assert run.output.count("ok\n") == len(steps)
    assert run.last == f"release: live is {host.versions['one']}, as before"
    assert host.live() == "one"
    assert len(host.slots()) == 1


def test_rollback_of_a_version_that_restarts(host: Host) -> None:
    run = host.begin("two")
    assert run.done("start", "switch_traffic"), run.output
    (identity,) = host.compose("ps", "--quiet", live_slot(host)).split()
    os.kill(engine.inspect("container", identity)["State"]["Pid"], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while (state := engine.inspect("container", identity))["RestartCount"] == 0 or healthy(state) != "healthy":
        assert time.monotonic() < deadline, state["State"]
        time.sleep(0.2)
    assert not run.done("finish")
    assert run.end() == 1
    assert "release: the new version was restarted\n" in run.output
    assert host.live() == "one"


def healthy(state: dict[str, dict[str, dict[str, str]]]) -> str:
    return state["State"]["Health"]["Status"]


def live_slot(host: Host) -> str:
    return (host.folder / "slots/live").read_text().strip()


# What was done, what was begun, and what it said when it was killed.
KILLED = {
    "starting": ((), "start", "starting"),
    "testing": (("start",), "", ""),
    "switching": (("start",), "switch_traffic", "has the traffic"),
    "watching": (("start", "switch_traffic"), "", ""),
}


def killed(host: Host, point: str) -> None:
    """SIGKILL, so nothing is cleaned up: one version or the other serves."""
    done, begun, said = KILLED[point]
    run = host.begin("two")
    assert run.done(*done), run.output
    if begun:
        run.tell(begun)
        run.read(said)
    run.kill()
    assert host.live() in {"one", "two"}


@pytest.mark.parametrize("point", KILLED)
def test_recovery_of_a_killed_deployment(host: Host, point: str) -> None:
    with host.under_load():
        killed(host, point)
        code, said = host.recover()
        assert code == 0, said
        assert said.splitlines()[-1] == f"release: live is {host.versions['one']}, as before"
        assert host.live() == "one"
        assert len(host.slots()) == 1
        code, said = host.recover()
        assert code == 0, said
        assert "release: nothing to roll back: no deployment is unfinished\n" in said
        assert host.live() == "one"


@pytest.mark.parametrize("point", KILLED)
def test_killed_deployment_is_run_again(host: Host, point: str) -> None:
    with host.under_load():
        killed(host, point)
        again = host.deployed("two")
        assert host.live() == "two"
    assert again.last == f"release: live is {host.image('two')}"
    assert len(host.slots()) == 1
    assert not list(host.folder.glob("incoming.*"))


def test_lock_refuses_a_second_deployment(host: Host) -> None:
    first = host.begin("three")
    assert first.done("start"), first.output
    second = host.release("two")
    assert second.code == 1
    assert second.output == ["release: another deployment is at work here: try again when it has ended\n"]
    assert host.live() == "one"
    assert first.end() == 1
    assert first.last.startswith("release: live is")
    assert not list(host.folder.glob("incoming.*"))
    with (host.folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def images(host: Host) -> list[str]:
    """The digests of the service's images on this host."""
    lines = engine.docker("image", "ls", "--digests", "--format=json", host.repository).splitlines()
    return [json.loads(line)["Digest"] for line in lines]


def test_rollback_without_a_registry_and_pruning_of_images(host: Host) -> None:
    for version in ("two", "three", "four", "five"):
        host.deployed(version)
    assert sorted(images(host)) == sorted(host.versions[name] for name in ("three", "four", "five"))
    reads = len(host.registry.reads)
    with host.under_load():
        host.release("three", config="")
    assert len(host.registry.reads) == reads, "the image is still there"
    assert host.live() == "three"
    history = [line.split()[1] for line in (host.folder / "history").read_text().splitlines()]
    assert history[-2:] == [host.versions["five"], host.versions["three"]]


def test_invalid_caddyfile_is_refused(host: Host) -> None:
    caddyfile = host.project / "deploy/compose/Caddyfile"
    before = caddyfile.read_text()
    caddyfile.write_text(before.replace("reverse_proxy", "reverse_prosy"))
    try:
        with host.under_load():
            run = host.release("two")
        assert run.code == 1
        assert any("the new Caddyfile was refused" in line and "reverse_prosy" in line for line in run.output)
        assert host.live() == "one"
    finally:
        caddyfile.write_text(before)
    host.deployed("two")


def test_caddyfile_is_reloaded(host: Host) -> None:
    caddyfile = host.project / "deploy/compose/Caddyfile"
    before = caddyfile.read_text()
    caddyfile.write_text(before.replace("?X-Content-Type-Options nosniff", "X-Changed yes"))
    try:
        host.deployed("two")
        assert host.ask("/").headers["x-changed"] == "yes"
    finally:
        caddyfile.write_text(before)
    host.deployed("one")
    assert "x-changed" not in host.ask("/").headers


def test_metrics_and_readiness_are_not_public(host: Host) -> None:
    for path in ("/metrics", "/metrics/../metrics", "//metrics", "/%6detrics", "/METRICS", "/readyz", "/proxy/metrics"):
        answer = host.ask(path)
        assert answer.status == 404, path
        assert "http_requests_total" not in answer.body, path
    assert host.ask("/healthz").status == 200
    assert "http_requests_total{" in inside("/metrics")
    assert "caddy_http_requests_total" in inside("/proxy/metrics")
    assert json.loads(inside("/readyz"))["checks"] == {"database": "ok", "cache": "ok"}


def inside(path: str) -> str:
    connection = HTTPConnection("127.0.0.1", 9180, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_security_headers_and_redirect(host: Host) -> None:
    answer = host.ask("/")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    plain = HTTPConnection("127.0.0.1", host.http, timeout=10)
    plain.request("GET", "/orders?id=1", headers={"Host": SITE})
    response = plain.getresponse()
    assert (response.status, response.getheader("Location")) == (308, f"https://{SITE}/orders?id=1")
    plain.close()


def test_capabilities_and_limits_of_the_containers(host: Host) -> None:
    more = {"proxy": ["CAP_NET_BIND_SERVICE"]}
    for name in (live_slot(host), "database", "cache", "proxy"):
        (identity,) = host.compose("ps", "--quiet", name).split()
        container = engine.inspect("container", identity)
        options = container["HostConfig"]
        assert options["ReadonlyRootfs"], name
        assert (options["CapDrop"], options["CapAdd"]) == (["ALL"], more.get(name)), name
        assert "no-new-privileges:true" in options["SecurityOpt"], name
        assert options["Memory"] > 0, name
        assert options["PidsLimit"] == 256, name
        assert options["RestartPolicy"]["Name"] == "unless-stopped", name
        assert options["LogConfig"] == {"Type": "json-file", "Config": LOGGING}, name
        status = Path(f"/proc/{container['State']['Pid']}/status").read_text()
        effective = re.search(r"^CapEff:\s+([0-9a-f]+)", status, re.MULTILINE)
        assert effective, name
        assert int(effective[1], 16) & ~(1 << 10) == 0, f"{name}: more than to bind a low port"


def test_networks_isolate_the_database_and_the_cache(host: Host) -> None:
    for name, network in (("database", "back"), ("cache", "cache")):
        (identity,) = host.compose("ps", "--quiet", name).split()
        networks = engine.inspect("container", identity)["NetworkSettings"]["Networks"]
        assert set(networks) == {f"{host.name}_{network}"}
        assert engine.inspect("network", f"{host.name}_{network}")["Internal"]
    (proxy,) = host.compose("ps", "--quiet", "proxy").split()
    assert set(engine.inspect("container", proxy)["NetworkSettings"]["Networks"]) == {f"{host.name}_front"}
    containers = host.compose("ps", "--quiet", "database", "cache").split()
    shown = host.compose("config") + host.compose("logs") + engine.docker("inspect", *containers)
    for path in (host.folder / "secrets").iterdir():
        assert path.read_text() not in shown, path


def script(host: Host, name: str, *arguments: str) -> tuple[int, str]:
    result = subprocess.run(
        [host.folder / name, *arguments], env=engine.environment(), stdout=PIPE, stderr=STDOUT, text=True, check=False
    )
    return result.returncode, result.stdout.strip()


def test_backup_and_restore(host: Host) -> None:
    host.sql("SET ROLE owner; CREATE TABLE orders (id int); INSERT INTO orders VALUES (4711)")
    old = host.folder / "backups/app-20200101T000000Z.dump"
    old.write_text("old")
    os.utime(old, (0, 0))
    code, output = script(host, "backup.sh")
    assert code == 0, output
    backup = host.folder / output
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert list(backup.parent.iterdir()) == [backup], "the old one is gone, and nothing half is left"
    host.sql("INSERT INTO orders VALUES (1)")
    code, output = script(host, "restore.sh", "--try", str(backup))
    assert (code, output) == (0, "restore: the backup can be restored")
    assert host.sql("SELECT count(*) FROM orders") == "2", "a trial changes nothing"
    host.sql("DROP TABLE orders")
    with host.under_load():
        code, output = script(host, "restore.sh", str(backup))
    assert code == 0, output
    assert host.sql("SET ROLE app; SELECT id FROM orders") == "4711"
    assert host.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'") == "owner", (
        "the next migration is its"
    )
    host.sql("SET ROLE owner; CREATE TABLE later (id int); SET ROLE app; INSERT INTO later VALUES (1)")
    who = "has_database_privilege('{}', 'app', 'CONNECT')"
    assert host.sql(f"SELECT {who.format('app')}, {who.format('public')}") == "t|f"
    before = re.search(r"the database (before_\d+)", output)
    assert before
    assert before[1] in host.sql("SELECT datname FROM pg_database")
    deadline = time.monotonic() + 30
    while json.loads(inside("/readyz"))["status"] != "ready":
        assert time.monotonic() < deadline, "the service did not come back to its database"
        time.sleep(0.1)


def test_an_empty_database_does_not_replace_good_backups(host: Host) -> None:
    """https://github.com/docker-library/postgres/issues/37: what another major presents is empty, and looks well."""
    old = host.folder / "backups/app-20200101T000000Z.dump"
    old.write_bytes(b"x" * 1_000_000)
    os.utime(old, (0, 0))
    try:
        code, output = script(host, "backup.sh")
        assert code == 1
        assert "is less than half as large as backups/app-20200101T000000Z.dump: no backup was deleted" in output
        assert old.exists()
    finally:
        old.unlink()
    code, output = script(host, "backup.sh")
    assert code == 0, output


def test_data_of_another_postgresql_are_moved_as_the_page_says(host: Host) -> None:
    """The data is put where the major before has it; a new server then finds nothing of its own."""
    host.sql("SET ROLE owner; CREATE TABLE moved (id int); INSERT INTO moved VALUES (7)")
    code, backup = script(host, "backup.sh")
    assert code == 0, backup
    host.compose("stop", "database")
    folder = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "database", "-c")
    now = host.compose(*folder, "cd /var/lib/postgresql && echo */docker").strip().partition("/")[0]
    major = int(now) - 1
    host.compose(*folder, f"mv /var/lib/postgresql/{now} /var/lib/postgresql/{major}")
    live = host.live()
    run = host.release("three" if live != "three" else "four")
    assert run.code == 1
    assert f"the database is of PostgreSQL {major}, and compose.prod.yaml has another" in "".join(run.output)
    assert host.live() == live
    page = (host.project / document.DEPLOY).read_text()
    (recipe,) = (one.text for one in document.blocks(page) if one.heading == "Another PostgreSQL")
    _, rest = recipe.split("\n", 1)  # the backup was made above, by the old one
    result = subprocess.run(
        ["bash", "-eu", "-c", rest.replace("backups/FILE", backup)], cwd=host.folder, env=engine.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert host.sql("SELECT id FROM moved") == "7"
    host.deployed("one")
    host.sql("DROP TABLE moved")


def test_the_proxy_limits_bodies_too(host: Host) -> None:
    """The service refuses sooner, so the proxy is asked how it reads its file."""
    read = json.loads(host.compose("exec", "-T", "proxy", "caddy", "adapt", "--config", "/etc/caddy/Caddyfile"))
    assert '{"handler": "request_body", "max_size": 10000000}' in json.dumps(read)


def test_the_host_of_another_environment_is_refused(host: Host) -> None:
    settings = host.project / "deploy/compose/production.env"
    before = settings.read_text()
    settings.write_text(before.replace(SITE, f"staging.{SITE}"))
    try:
        run = host.release("two")
        assert run.code == 1
        assert run.output == [
            f"release: this host serves {SITE}, not staging.{SITE}: check DEPLOY_HOST."
            f" Where the name has changed, delete ~/{host.name}/.env there, and deploy again\n",
            f"release: live is {host.versions['one']}, as before\n",
        ]
        assert not list(host.folder.glob("incoming.*"))
        assert (host.folder / "settings.env").read_text() == before
    finally:
        settings.write_text(before)


def test_lost_passwords_are_made_anew_as_the_page_says(host: Host) -> None:
    """A new password for an old volume opens nothing: the deployment says so before it makes one."""
    secrets = host.folder / "secrets"
    (secrets / "database_owner_password").unlink()
    run = host.release("two")
    assert run.code == 1
    assert run.output == [
        "release: secrets/database_owner_password is not there, and the database knows it: put it back,"
        ' or see "Lost passwords" in deploy/README.md\n',
        f"release: live is {host.versions['one']}, as before\n",
    ]
    assert host.live() == "one"
    result = subprocess.run(
        ["bash", "-eu", "-c", document.shell(host.project, "Lost passwords", {})], cwd=host.folder,
        env=engine.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    host.deployed("two")
    assert json.loads(inside("/readyz"))["checks"] == {"database": "ok", "cache": "ok"}


def test_strict_umask_and_a_port_among_the_settings_do_no_harm(host: Host) -> None:
    """https://github.com/docker/compose/issues/12362: a container's user reads what a mount has the modes for.

    Root of a container has no power over files of others, so a Caddyfile that is `deploy`'s alone stops the proxy of a
    host with `--docker group`. The tests' own user is root: another user in the container stands for it.
    """
    settings = host.project / "deploy/compose/production.env"
    caddyfile = host.project / "deploy/compose/Caddyfile"
    before, routes = settings.read_text(), caddyfile.read_text()
    settings.write_text(f"{before}PORT=9999\n")
    caddyfile.write_text(f"{routes}# changed\n")
    (host.folder / "secrets/mine").write_text("secret")
    (host.folder / "secrets/mine").chmod(0o600)
    try:
        run = host.begin("two", strict=True)
        assert run.done(*STEPS), run.output
        assert run.end() == 0, run.output
    finally:
        settings.write_text(before)
        caddyfile.write_text(routes)
    assert host.live() == "two"
    mounts = ("--volume=./secrets/mine:/mine:ro", "--user=65532", "--entrypoint=cat")
    run_in = ("run", "--rm", "--no-deps", "-T", *mounts)
    assert "# changed" in host.compose(*run_in, "proxy", "/etc/caddy/Caddyfile")
    assert host.compose(*run_in, "proxy", "/slots/live").strip() == live_slot(host)
    assert host.compose(*run_in, "proxy", "/mine") == "secret"
    assert "set -euo pipefail" in host.compose(*run_in, "database", "/docker-entrypoint-initdb.d/roles.sh")
    assert stat.S_IMODE((host.folder / "secrets").stat().st_mode) == 0o700


def test_restore_refuses_a_broken_backup(host: Host) -> None:
    code, output = script(host, "backup.sh")
    assert code == 0, output
    whole = (host.folder / output).read_bytes()
    broken = host.folder / "backups/broken.dump"
    databases = host.sql("SELECT count(*) FROM pg_database")
    for content in (whole[: len(whole) // 2], b"not a backup"):
        broken.write_bytes(content)
        for arguments in (("--try",), ()):
            code, output = script(host, "restore.sh", *arguments, str(broken))
            assert code == 1
            assert "the database is as it was" in output
    assert host.sql("SELECT count(*) FROM pg_database") == databases
    code, output = script(host, "restore.sh", "no-such-file")
    assert (code, output) == (1, "restore: no-such-file is no backup: ls backups/ shows what there is")


def test_a_backup_that_was_cut_off_replaces_none(host: Host) -> None:
    """With exit code 0, as where a pipe hides the other: https://github.com/geolens-io/geolens/pull/710."""
    code, whole = script(host, "backup.sh")
    assert code == 0, whole
    old = host.folder / whole
    os.utime(old, (0, 0))
    cut = host.folder / "cut"
    most = old.stat().st_size * 3 // 4
    cut.write_text(f'#!/bin/bash\n/usr/lib/postgresql/*/bin/pg_dump "$@" | head -c {most}\n')
    cut.chmod(0o755)
    own = host.folder / "compose.own.yaml"
    before = own.read_text()
    mounted = "  database:\n    volumes: ['./cut:/usr/local/sbin/pg_dump:ro']\n"
    own.write_text(before.replace("  database:\n", mounted))
    try:
        host.compose("up", "--detach", "--wait", "database")
        code, output = script(host, "backup.sh")
        assert code == 1
        assert "backup: the new backup is broken, and none was deleted: see above" in output
        assert old.exists()
        assert not list(old.parent.glob("*.part"))
    finally:
        own.write_text(before)
        host.compose("up", "--detach", "--wait", "database")


def test_failed_backup_leaves_no_partial_file(host: Host) -> None:
    before = sorted((host.folder / "backups").iterdir())
    host.compose("stop", "database")
    try:
        code, output = script(host, "backup.sh")
        assert code == 1
        assert "backup: the database was not dumped" in output
        assert sorted((host.folder / "backups").iterdir()) == before
    finally:
        host.compose("start", "database")


def test_outdated_proxy_or_database_is_reported(host: Host) -> None:
    override = host.project / "deploy/compose/compose.own.yaml"
    before = override.read_text()
    (identity,) = host.compose("ps", "--quiet", "database").split()
    override.write_text(before.replace("  database:\n", "  database:\n    labels: {newer: 'yes'}\n"))
    try:
        run = host.deployed("two")
    finally:
        override.write_text(before)
    assert any(line.startswith("release: database is older than compose.prod.yaml") for line in run.output)
    assert not any(line.startswith("release: proxy is older") for line in run.output)
    assert host.compose("ps", "--quiet", "database").split() == [identity], "a deployment replaces no database"


def test_image_of_another_repository_is_refused(host: Host) -> None:
    other = f"registry.example.com/{host.name}@{host.versions['two']}"
    result = subprocess.run(
        [host.folder / "release.sh", other], env=engine.environment() | {"HOME": str(host.home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr == f"release: {other} can't be deployed: use {host.repository}@sha256:…\n"
    assert host.live() == "one"
