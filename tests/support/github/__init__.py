"""GitHub's CLI as far as deploy/README.md uses it: the values that it would keep for an environment."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GitHub:
    """Secrets and variables, one file each, below a folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find the stand-in in the place of `gh`."""
        return {"GH_FOLDER": str(self.folder), "PATH": f"{Path(__file__).parent}{os.pathsep}{os.environ['PATH']}"}

    def path(self, environment: str, name: str) -> Path:
        return self.folder / environment / name

    def value(self, environment: str, name: str) -> str:
        return self.path(environment, name).read_text()
