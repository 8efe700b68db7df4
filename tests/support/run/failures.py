"""Each failure, told when it comes: a run that is ended from outside never gets to its summary."""

import sys

import pytest

LAST = 25  # lines of a failure


class Failures:
    """Writes the name, the phase and the last lines of a test that has failed to the standard error."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed:
            return
        lines = [f"  {line}" for line in report.longreprtext.splitlines()[-LAST:]]
        said = [f"\n{report.nodeid}: {report.when} failed after {report.duration:.0f} s", *lines]
        with self.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("\n".join(said), file=sys.stderr, flush=True)
