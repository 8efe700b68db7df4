"""Ends a command with one line and an exit code of its own."""

from __future__ import annotations

# docs/adopt-tool.md has this table, too.
EXIT_CODES = {
    "usage": 2,
    "dirty": 3,
    "no_git": 4,
    "library": 5,
    "two_locks": 6,
    "loopback": 7,
    "several": 8,
    "version": 9,
    "unknown": 10,
    "open": 11,
    "blocked": 12,
    "proof": 13,
    "workspace": 14,
    "given_up": 130,
}


class StopError(Exception):
    """Nothing was written, or what was written is gone again: the reason's short name, and one line for the user."""

    def __init__(self, reason: str, message: str) -> None:
        """Take the reason, a key of EXIT_CODES, and the line."""
        super().__init__(message)
        self.reason = reason

    @property
    def code(self) -> int:
        """The exit code."""
        return EXIT_CODES[self.reason]
