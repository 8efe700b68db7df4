"""Temporary files in memory: one `copier update` makes and deletes 2,400 folders, which a disk takes its time for."""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's own place for it
ENOUGH = 4 << 30  # bytes; a quick run keeps some 300 MB, and pytest the last three runs


def use() -> None:
    """Let this process and those that it starts have their temporary files there, where there is room enough.

    A container's is 64 MB unless told otherwise: there the files stay on the disk, as where TMPDIR names a place.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize >= ENOUGH:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # which may have been found already
