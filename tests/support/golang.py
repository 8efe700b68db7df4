"""How programs of Go are compiled for the tests: soon, rather than for speed."""

import os

# Without inlining, and with a compiler that collects its garbage later: crane took 43 s of processor, and not 62.
SOON = {"CGO_ENABLED": "0", "GOGC": "400"}


def compiling(*flags: str, **settings: str) -> dict[str, str]:
    """The environment for `go build` and `go install`, with flags for GOFLAGS; alike for all, so they share a cache."""
    return os.environ | SOON | {"GOFLAGS": " ".join(["-gcflags=all=-l", "-trimpath", *flags])} | settings
