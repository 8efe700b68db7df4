"""Where things are."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "template" / "project"
# Stand-ins for public images, for a machine that reaches no container registry; not needed elsewhere.
ENGINE = ROOT.parent / "shared" / "engine" / "engine"
# What takes minutes to make and is the same in each run.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "shipshape"
