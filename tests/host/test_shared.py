"""Two services of one repository on one host, behind one proxy: what one does, the other does not notice."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.host.conftest import COUNTER, ON_HOST, Host, Release, make_versions
from tests.pipeline.conftest import registry  # noqa: F401 (a fixture)
from tests.services.repository import add
from tests.support import engine
from tests.support.engine.container import free_port
from tests.support.engine.registry import guarded
from tests.support.paths import ENGINE
from tests.support.run import figures

pytestmark = pytest.mark.engine
SHARED = "shared_proxy"
OF_DATABASE = {"migrate.sh", "backup.sh", "restore.sh", "offsite.sh", "../database/roles.sh"}
FILES = (*(name for name in ON_HOST if name not in OF_DATABASE), *(f"shared-proxy.{end}" for end in ("sh", "yaml")))


@pytest.fixture(scope="module")
def pair(
    registry: str,  # noqa: F811
    built: Callable[[str], str],
    plain_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Host, Host]]:
    """Orders and payments, neither of which was deployed yet."""
    scratch = tmp_path_factory.mktemp("shared")
    home = scratch / "home"
    (home / SHARED).mkdir(parents=True)
    with ExitStack() as stack:
        front = stack.enter_context(guarded(registry))
        https, http = free_port(), free_port()
        hosts = []
        names = {service: f"{service}-{os.getpid()}-{next(COUNTER)}" for service in ("orders", "payments")}
        agreed = {"orders": {"calls": [names["payments"]]}, "payments": {"called_by": [names["orders"]]}}
        for service, name in names.items():
            add(
                plain_template, scratch / "shop", name, language="go", database="none", orchestrator="compose",
                registry="private", registry_host=front.address, production_host=f"{service}.internal",
                shared_host=True, **agreed[service],
            )  # fmt: skip
            host = Host(
                home, scratch / f"shop/services/{name}", front, f"{front.address}/octo-org/shop/{name}", https, http,
                site=f"{service}.internal", files=(*FILES, "shared-proxy.Caddyfile"), entrance=SHARED,
            )  # fmt: skip
            here(host)
            host.versions |= make_versions(host.project, registry, built("go"))
            stack.callback(removed, host)
            hosts.append(host)
        yield hosts[0], hosts[1]


def here(host: Host) -> None:
    """What differs on this machine: a stand-in for the image, and ports that are free."""
    read = yaml.safe_load((host.project / "deploy/compose/shared-proxy.yaml").read_text())
    image: str = read["services"]["proxy"]["image"]
    image = image.partition("@")[0] if ENGINE.exists() else image
    stand_in = f"services:\n  proxy:\n    image: {image}\n"
    (host.project / "deploy/compose/compose.own.yaml").write_text(stand_in)
    ports = f"    ports: !override [127.0.0.1:{host.http}:80, 127.0.0.1:{host.https}:443]\n"
    (host.home / SHARED / "compose.override.yaml").write_text(stand_in + ports)


def removed(host: Host) -> None:
    """Its stack, then what is left: the last one's network can't go before."""
    if (host.folder / ".env").exists():
        host.compose("down", "--volumes")
    if (host.home / SHARED / "compose.yaml").exists():
        engine.docker("compose", "down", "--volumes", cwd=host.home / SHARED, check=False)
    for pair in engine.docker("network", "ls", "--quiet", "--filter", f"name={host.name}").split():
        engine.docker("network", "rm", pair, check=False)
    reference = f"reference=*/octo-org/shop/{host.name}"
    for line in engine.docker("image", "ls", "--quiet", "--filter", reference).split():
        engine.docker("image", "rm", "--force", line, check=False)


@pytest.fixture
def orders(pair: tuple[Host, Host]) -> Host:
    return deployed(pair[0], "one")


@pytest.fixture
def payments(pair: tuple[Host, Host]) -> Host:
    return deployed(pair[1], "two")


def deployed(host: Host, version: str) -> Host:
    """Tests that come later find what those before have left."""
    if not (host.folder / "slots/live").exists():
        host.deployed(version)
    return host


def containers(*hosts: Host) -> set[str]:
    return {line for host in hosts for line in host.compose("ps", "--all", "--quiet").split()}


def test_a_proxy_that_has_the_ports_is_not_taken_over(pair: tuple[Host, Host]) -> None:
    """Of a service that had the host for itself: its new Caddyfile would have no TLS."""
    host, container = pair[0], f"{pair[0].name}-proxy-1"
    base = yaml.safe_load((host.project / "deploy/compose/compose.own.yaml").read_text())["services"]["proxy"]["image"]
    engine.docker("create", f"--name={container}", f"--publish=127.0.0.1:{host.https}:443", base)
    try:
        run = host.release("one")
    finally:
        engine.docker("rm", container)
    assert run.code == 1
    assert f"the proxy of {host.name} has ports 80 and 443 for itself" in run.output[0]
    assert run.last == "release: live is nothing, as before"
    assert not (host.folder / "compose.prod.yaml").exists()


def test_each_service_is_found_by_its_name(orders: Host, payments: Host) -> None:
    assert (orders.live(), payments.live()) == ("one", "two")
    assert orders.ask("/metrics").status == 404
    attached = engine.inspect("network", SHARED)["Containers"].values()
    proxies = {f"{name}-proxy-1" for name in (orders.name, payments.name, SHARED)}
    assert {one["Name"] for one in attached} == proxies, "no service: none reaches another"


def test_a_call_passes_where_both_say_so_and_no_other(orders: Host, payments: Host) -> None:
    slot = slot_of(orders)
    variable = f"{payments.name.upper().replace('-', '_')}_URL=http://{payments.name}"
    assert variable in engine.inspect("container", slot)["Config"]["Env"]
    assert f'"version":"{payments.live()}"' in asked(payments, slot, f"http://{payments.name}/")
    for target in (orders.name, f"{orders.name}-proxy", slot_of(orders)):
        assert not asked(payments, slot_of(payments), f"http://{target}/"), "nor does the called one call back"
    pair = engine.inspect("network", f"{payments.name}_from_{orders.name}")
    assert pair["Internal"]
    assert {one["Name"] for one in pair["Containers"].values()} == {slot, f"{payments.name}-proxy-1"}


def test_a_service_that_is_away_is_not_answered_by_its_caller(orders: Host, payments: Host) -> None:
    """Whose slots have the same names, and are in one network with its proxy.

    https://github.com/lucaslorentz/caddy-docker-proxy/issues/715: one site always answered with another's pages.
    """
    if slot_of(orders).removeprefix(orders.name) != slot_of(payments).removeprefix(payments.name):
        orders.deployed("four")
    live = payments.live()
    engine.docker("stop", slot_of(payments))
    try:
        assert payments.ask("/").status == 502
    finally:
        engine.docker("start", slot_of(payments))
    assert payments.live() == live


def slot_of(host: Host) -> str:
    """The container of its live version."""
    return f"{host.name}-{(host.folder / 'slots/live').read_text().strip()}-1"


def asked(host: Host, container: str, url: str) -> str:
    """What a container gets from an address, if anything; the image of the service has no shell to try it."""
    image = yaml.safe_load((host.project / "deploy/compose/compose.own.yaml").read_text())["services"]["proxy"]["image"]
    command = (
        "run",
        "--rm",
        f"--network=container:{container}",
        "--entrypoint=wget",
        image,
        "-q",
        "-T",
        "5",
        "-O",
        "-",
    )
    done = subprocess.run(
        ["docker", *command, url], env=engine.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1, 4), done.stderr  # of wget: nobody there, or no such name
    return done.stdout


def test_a_deployment_leaves_the_other_service_alone(orders: Host, payments: Host) -> None:
    """Neither one that goes well nor one that fails, nor what its owner has written into its files."""
    before, live = containers(payments), payments.live()
    caddyfile = orders.project / "deploy/compose/Caddyfile"
    text = caddyfile.read_text()
    with payments.under_load(), orders.under_load():
        with figures.timed("host", "deployment behind a shared proxy"):
            orders.deployed("three")
        assert orders.live() == "three"
        assert orders.release("sick").code == 1
        caddyfile.write_text(f"{text}nonsense {{\n")
        try:
            run = orders.release("four")
        finally:
            caddyfile.write_text(text)
        assert "the new Caddyfile was refused, and the old one is kept" in "".join(run.output)
    assert (orders.live(), payments.live()) == ("three", live)
    assert containers(payments) == before


def test_a_host_name_belongs_to_one_service(orders: Host, payments: Host) -> None:
    """Else Caddy says that it is duplicate: https://github.com/lucaslorentz/caddy-docker-proxy/issues/364."""
    settings, env = payments.project / "deploy/compose/production.env", payments.folder / ".env"
    before, kept, live = settings.read_text(), env.read_text(), (orders.live(), payments.live())
    env.unlink()  # as release.sh says, where the name has changed
    try:
        for site, said in (
            (orders.site, f"release: on this host, {orders.site} is the service {orders.name}: give SITE a name"),
            ("a.internal, b.internal", "release: SITE is 'a.internal, b.internal': use one host name"),
            ("a.internal {", "release: SITE is 'a.internal {': use one host name"),
        ):
            settings.write_text(f"SITE={site}\n")
            run = payments.release("four")
            assert run.code == 1
            assert run.output[0].startswith(said), run.output
    finally:
        settings.write_text(before)
        env.write_text(kept)
    assert (orders.live(), payments.live()) == live


def test_a_name_that_the_shared_proxy_refuses_stays_out(orders: Host, payments: Host) -> None:
    """Because of a file that its admin has made there; what the deployment has written is taken back."""
    own, site = (orders.home / SHARED / f"caddy/sites/{name}.caddy" for name in ("own", payments.name))
    kept, live = site.read_text(), (orders.live(), payments.live())
    own.write_text(f"other.internal, {payments.site} {{\n\trespond mine\n}}\n")
    try:
        for before in ("", kept.replace(payments.site, "old.internal")):  # its first deployment, and another name
            if before:
                site.write_text(before)
            else:
                site.unlink()
            run = payments.release("four")
            assert run.code == 1
            refused = f"release: the shared proxy did not take {payments.site}: Error: "
            assert run.output[-2].startswith(refused), run.output
            assert "ambiguous" in run.output[-2]
            assert (site.read_text() if site.exists() else "") == before
            assert (orders.live(), payments.live()) == live
    finally:
        own.unlink()
        site.write_text(kept)


def test_all_come_back_after_a_restart(orders: Host, payments: Host) -> None:
    live = (orders.live(), payments.live())
    shared = engine.docker("compose", "ps", "--quiet", cwd=orders.home / SHARED).split()
    engine.docker("restart", *shared, *containers(orders, payments))
    assert (orders.live(), payments.live()) == live


def test_two_deployments_at_once(orders: Host, payments: Host) -> None:
    shutil.rmtree(orders.home / SHARED / "caddy/sites")  # so that both have something to do
    with ThreadPoolExecutor() as pool:
        runs: list[Release] = list(pool.map(lambda host: host.release("five"), (orders, payments)))
    assert [run.code for run in runs] == [0, 0], [run.output for run in runs]
    assert (orders.live(), payments.live()) == ("five", "five")
