"""Asks the service whether it is alive: exit code 0 or 1. The image's HEALTHCHECK runs it."""

import errno
import sys
from http.client import HTTPConnection, HTTPException

from .about import PORT
from .environment import read

NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH}


def lives(host: str) -> bool:
    connection = HTTPConnection(host, int(read("PORT") or PORT), timeout=5)
    connection.request("GET", "/healthz")
    return connection.getresponse().status == 200


def main() -> bool:
    """First on IPv6: where a machine has nothing else, a service that listens on IPv4 alone is dead."""
    try:
        return lives("::1")
    except OSError as error:
        return error.errno in NO_IPV6 and lives("127.0.0.1")


try:
    sys.exit(0 if main() else 1)
except (OSError, HTTPException):
    sys.exit(1)
