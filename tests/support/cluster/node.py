"""Who has the cluster's only node: many tests at once, or one that closes it."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(tempfile.gettempdir())  # one for all runs on a machine, as the cluster is


@contextmanager
def held(*, alone: bool, folder: Path = FOLDER) -> Iterator[None]:
    """Wait for the node, and hold it; raises OSError where the lock files can't be written.

    Who wants it alone also holds the way in, or it would wait for ever: flock(2) lets others share what they share.
    """
    with (folder / "shipshape-node-next").open("w") as way_in, (folder / "shipshape-node").open("w") as node:
        fcntl.flock(way_in, fcntl.LOCK_EX)
        fcntl.flock(node, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(way_in, fcntl.LOCK_UN)
        yield
