"""The four servers, built once for a machine: `python -m tests.support.sigstore` fills the cache."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.golang import compiling
from tests.support.paths import CACHE

# Newer ones need modules that Go's proxy does not serve, or a newer Go; none is rendered for a user.
PROGRAMS = {
    "fulcio": "github.com/sigstore/fulcio@v1.8.8",
    "tesseract": "github.com/transparency-dev/tesseract/cmd/tesseract/posix@v0.1.1",
    "rekor-server": "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0",
    "timestamp-server": "github.com/sigstore/timestamp-authority/cmd/timestamp-server@v1.2.9",
}
BUILT = CACHE / "sigstore"
# How the public instance reads GitHub's tokens.
ISSUERS = "config/identity/config.yaml"


def program(name: str) -> Path:
    """The path of a server; it is built where it is missing, which takes one to two minutes. Needs Go."""
    package = PROGRAMS[name]
    folder = BUILT / package.rpartition("@")[2]
    path = folder / name
    if not path.exists():
        fresh = folder / str(os.getpid())  # beside another process that builds the same
        go = compiling("-mod=mod", GOBIN=str(fresh))
        subprocess.run(["go", "install", "-ldflags=-s -w", package], env=go, check=True)
        next(fresh.iterdir()).rename(path)
        shutil.rmtree(fresh)
    return path


def issuers() -> Path:
    """The public instance's own configuration of fulcio, out of its module."""
    module = PROGRAMS["fulcio"]
    path = BUILT / module.rpartition("@")[2] / "issuers.yaml"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        listed = subprocess.run(["go", "mod", "download", "-json", module], check=True, capture_output=True, text=True)
        path.write_text((Path(json.loads(listed.stdout)["Dir"]) / ISSUERS).read_text())
    return path
