"""Compose files: images, settings, ports and order. https://docs.docker.com/reference/compose-file/services/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..lines import Map, dig, mapping, sequence
from ..model import Compose, Service
from ..words import digest, image_name, literal, moving, names_secret, repository_name
from .registry import Judged, each, fault

check = each(lambda repository: repository.services())
whole = each(lambda repository: (one for one in repository.services() if one.whole))
files = each(lambda repository: repository.composes)

STORES = {
    "postgres", "postgis", "timescaledb", "pgvector", "mysql", "mariadb", "percona", "mongo", "mongodb", "redis",
    "valkey", "keydb", "memcached", "elasticsearch", "opensearch", "cassandra", "couchdb", "clickhouse-server",
    "rabbitmq", "etcd", "influxdb", "postgresql", "cockroach",
}  # fmt: skip


def variables(service: Service) -> Iterator[tuple[int, str, Any]]:
    """Line, name and value of each variable that is set."""
    given = service.data.get("environment")
    if isinstance(given, Map):
        yield from ((given.lines[name], name, value) for name, value in given.items())
    for line, one in zip(sequence(given).lines, sequence(given), strict=True):
        name, _, value = str(one).partition("=")
        yield line, name, value


def _foreign(service: Service) -> bool:
    """Whether its image is made by others: neither this file nor a variable says what it is."""
    built = {repository_name(one.image) for one in service.file.services if "build" in one.data}
    own = "build" in service.data or repository_name(service.image) in built
    return bool(service.image) and not own and "$" not in service.image.partition("@")[0]


@check("compose-latest")
def latest(service: Service) -> Judged:
    """An image has a tag other than `latest`, or a digest."""
    if _foreign(service):
        yield service.at("image"), fault(moving(service.image), f"{service.image} is another image tomorrow")


@whole("compose-digest")
def by_digest(service: Service) -> Judged:
    """An image has a digest; one without a tag is compose-latest's."""
    if _foreign(service) and not moving(service.image):
        yield service.at("image"), fault(not digest(service.image), f"{service.image} has no digest")


@check("compose-password")
def password(service: Service) -> Judged:
    """No secret stands in the file."""
    for line, name, value in variables(service):
        if names_secret(name):
            yield line, fault(literal(value), f"{name} has its value here")


@check("compose-store-port")
def store_port(service: Service) -> Judged:
    """A data store is not reached from outside of the host."""
    if not STORES & {image_name(service.image), service.name.lower()}:
        return
    listed = sequence(service.data.get("ports"))
    for line, one in zip(listed.lines, listed, strict=True):
        if isinstance(one, Map):
            address = str(one.get("host_ip") or "") if one.get("published") else "127.0.0.1"
        else:
            address = str(one).rpartition(":")[0].rpartition(":")[0]
        open_ = not re.match(r"127\.|\[?::1|localhost|\$", address)
        yield line, fault(open_, f"{service.name} is published on every address")


@whole("compose-start-order")
def start_order(service: Service) -> Judged:
    """What is waited for is ready, or done, and not only started."""
    after = service.data.get("depends_on")
    if isinstance(after, Map):
        for name, how in after.items():
            condition = dig(how, "condition")
            blind = condition not in ("service_healthy", "service_completed_successfully") and _is_store(service, name)
            yield after.lines[name], fault(blind, f"starts when {name} has started, ready or not")
    for line, name in zip(sequence(after).lines, sequence(after), strict=True):
        yield line, fault(_is_store(service, str(name)), f"starts when {name} has started, ready or not")


def _is_store(service: Service, name: str) -> bool:
    other = mapping(dig(service.file.data, "services", name))
    return bool(STORES & {image_name(str(other.get("image") or "")), name.lower()})


@files("compose-version")
def version(file: Compose) -> Judged:
    """The key `version` says nothing any more."""
    yield file.data.at("version"), fault("version" in file.data, "the key `version` is obsolete")
