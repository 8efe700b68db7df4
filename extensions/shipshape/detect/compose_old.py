"""Compose files of version 1, which Docker Compose does not read any more."""

from __future__ import annotations

from typing import Any

# Keys of version 1 that the specification does not have, and what is said in their place:
# https://github.com/docker/compose/blob/v1/docs, https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json
_INSTEAD = {
    "net": "network_mode",
    "log_driver": "logging.driver",
    "log_opt": "logging.options",
    "dockerfile": "build.dockerfile",
}
_AT_THE_TOP = {"version", "name", "services", "networks", "volumes", "configs", "secrets", "include", "models"}


def reason(data: Any) -> str:
    """Why Docker Compose does not read a file of services; empty where it does, or where it holds none."""
    if not isinstance(data, dict):
        return ""
    services = data.get("services")
    if not isinstance(services, dict):
        found = [name for name, one in data.items() if name not in _AT_THE_TOP and _is_service(one)]
        if not found:
            return ""
        return "of Compose's version 1, which Docker Compose does not read any more: put its services below `services:`"
    for name, one in services.items():
        key = next((key for key in _INSTEAD if isinstance(one, dict) and key in one), None)
        if key:
            return f"`{key}` of {name} is of Compose's version 1, and Docker Compose refuses it: say `{_INSTEAD[key]}`"
    return ""


def _is_service(value: Any) -> bool:
    return isinstance(value, dict) and ("image" in value or "build" in value)
