"""A real Prometheus that has half an hour of what a running service once answered, as if it went on serving."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.cluster.manifests import program
from tests.support.engine.container import free_port
from tests.support.tools import run

INTERVAL = 30  # seconds from one scrape to the next, as in production
SCRAPES = 60
HOW = "the package prometheus of Debian and Ubuntu"
SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")

# The labels of a target, and the text that it answers first.
Target = tuple[dict[str, str], str]


@dataclass(frozen=True)
class Prometheus:
    """One that has all its targets' samples from `start` until `now`."""

    port: int
    start: int
    now: int

    def values(self, query: str, time: int = 0) -> dict[frozenset[tuple[str, str]], float]:
        """The value of each series at a time, or now, by its labels; raises AssertionError for what is no PromQL."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/api/v1/query?" + urlencode({"query": query, "time": time or self.now}))
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", answer["error"]
        return {frozenset(one["metric"].items()): float(one["value"][1]) for one in answer["data"]["result"]}


def rises(name: str, labels: str, kinds: dict[str, str]) -> bool:
    """Whether it becomes more with each request: a gauge does not, nor a summary's quantile."""
    kind = kinds.get(name) or kinds.get(re.sub(r"_(bucket|sum|count|total)$", "", name), "gauge")
    return kind == "counter" or (kind in {"histogram", "summary"} and "quantile=" not in labels)


def samples(targets: list[Target], start: int) -> str:
    """All scrapes of all targets, as OpenMetrics; at each, a counter is as much higher as it was at the first."""
    series: dict[str, list[str]] = {}  # by the metric's name: its lines stand together
    for given, text in targets:
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        for sample in filter(None, map(SAMPLE.match, [*text.splitlines(), "up 1"])):
            own = sample["labels"] or ""
            labels = ",".join(filter(None, [own, *(f'{name}="{value}"' for name, value in given.items())]))
            grows = rises(sample["name"], own, kinds)
            for number in range(SCRAPES):
                value = float(sample["value"]) * (number + 1 if grows else 1)
                line = f"{sample['name']}{{{labels}}} {value} {start + number * INTERVAL}"
                series.setdefault(sample["name"], []).append(line)
    return "\n".join(line for lines in series.values() for line in lines) + "\n# EOF\n"


@contextmanager
def started(targets: list[Target], folder: Path) -> Iterator[Prometheus]:
    """A Prometheus in `folder` that has these."""
    now = int(time.time())
    start = now - (SCRAPES - 1) * INTERVAL
    with serving(samples(targets, start), folder) as port:
        yield Prometheus(port, start, now)


@contextmanager
def serving(text: str, folder: Path) -> Iterator[int]:
    """The port of one that has these samples, which are OpenMetrics; without the program skips, but fails in CI."""
    command, promtool = program("prometheus", HOW), program("promtool", HOW)
    (folder / "samples").write_text(text)
    run([promtool, "tsdb", "create-blocks-from", "openmetrics", "samples", "data"], cwd=folder)
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    port = free_port()
    own = f"--web.listen-address=127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [command, "--config.file=prometheus.yml", "--storage.tsdb.path=data", own],
            cwd=folder,
            stderr=log,
        )
        try:
            wait_until_ready(process, port, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait(60)


def wait_until_ready(process: subprocess.Popen[Any], port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)
