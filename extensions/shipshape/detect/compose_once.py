"""Services of a Compose file that do one thing and end, or that somebody starts by hand: none is what serves."""

from __future__ import annotations

import re
import shlex
from typing import Any

from .command import Place, simplify
from .files import Repository
from .parse import at, mapping, strings

_NAMED = re.compile(r"(?:^|[-_])(?:migrat\w*|seed\w*|init|setup|prestart|fixtures)(?:[-_]|$)", re.IGNORECASE)
_DOES = re.compile(
    r"\bmigrat|\balembic\b|\bseed|\bdb[: ](?:init|push|setup|create|seed|upgrade)|\bflyway\b|\bliquibase\b|\bloaddata\b"
)


def ends(name: str, services: dict[str, dict[str, Any]], repository: Repository) -> bool:
    """Whether a service ends by itself: it comes before others, or is not to be started again, or only by hand."""
    one = services[name]
    by_hand = one.get("restart") in ("no", False) or bool(one.get("profiles"))
    return comes_before(name, services, repository) or (by_hand and not _called(one))


def comes_before(name: str, services: dict[str, dict[str, Any]], repository: Repository) -> bool:
    """Whether a service prepares what others need: they wait for its end, or it migrates.

    https://docs.docker.com/reference/compose-file/services/#depends_on
    """
    waited = (at(mapping(other.get("depends_on")), name, "condition") for other in services.values())
    if "service_completed_successfully" in waited:
        return True
    migrates = _NAMED.search(name) or _DOES.search(simplify(words(services[name]), Place(repository)).text)
    return bool(migrates) and not _called(services[name])


def _called(service: dict[str, Any]) -> bool:
    """Whether something may call it: ports, a health check, a proxy's labels say so."""
    labels = " ".join([*strings(service.get("labels")), *mapping(service.get("labels"))])
    return any(service.get(key) for key in ("ports", "expose", "healthcheck")) or bool(
        re.search("traefik|caddy", labels)
    )


def words(service: dict[str, Any]) -> str | list[str]:
    """What it is started with, as far as the Compose file says: a line for a shell, or words; empty where it is not."""
    said = service.get("command") or service.get("entrypoint")
    return said if isinstance(said, str) else [str(word) for word in said] if isinstance(said, list) else []


def line(service: dict[str, Any]) -> str:
    """The same as one line."""
    said = words(service)
    return said if isinstance(said, str) else shlex.join(said)
