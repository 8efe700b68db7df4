"""A step of a workflow as GitHub's runner starts it, and as it cancels it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def start(script: str, folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a step's `run:` in the repository at `folder`, by the shell that a runner on Linux takes for it.

    At the end nothing of it is left, and its pipes are closed: a test that fails must not fail the next one.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#defaultsrunshell
    """
    path = folder / ".cache/step.sh"
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    with ended(subprocess.Popen(
        ["bash", "-e", path], cwd=folder, env=os.environ | environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )) as process:  # fmt: skip
        yield process


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, which leads a session of its own, killed with all that it started and closed at the end."""
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def cancel(process: subprocess.Popen[str]) -> None:
    """Signal the step's first process alone: what it has started gets nothing, and may outlive it.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
    """
    for number, seconds in ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5)):
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()
