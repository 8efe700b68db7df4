"""Asks the service whether it lives: exit code 0 or 1. The image's HEALTHCHECK runs it."""

import sys
from http.client import HTTPConnection, HTTPException

from .about import PORT
from .environment import read


def main() -> int:
    connection = HTTPConnection("127.0.0.1", int(read("PORT") or PORT), timeout=2)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException):
        return 1


sys.exit(main())
