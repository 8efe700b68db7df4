"""Environment variables, each of which may come as a file.

Docker and Kubernetes hand secrets over as files: `NAME_FILE` holds the path of one, so that the value itself is in no
environment that `docker inspect` or a crash report shows.
"""

import os
from pathlib import Path


class SettingsError(Exception):
    """A setting that can't be used; the text names it and says what was expected, but never its value."""


def read(name: str) -> str | None:
    """The value of `name`, or of the file that `<name>_FILE` points to; None where neither is set or it is empty."""
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and path:
        raise SettingsError(f"{name}: expected {name} or {name}_FILE, not both")
    if not path:
        return value or None
    try:
        return Path(path).read_text().rstrip() or None
    except (OSError, ValueError):
        raise SettingsError(f"{name}_FILE: expected the path of a readable text file") from None
