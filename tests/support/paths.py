"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "template" / "project"
# Stand-ins for public images, for a machine that reaches no container registry; not needed elsewhere.
ENGINE = ROOT.parent / "shared" / "engine" / "engine"
