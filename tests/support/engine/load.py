"""Load on a service of several instances, as a proxy before them would pass it on."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, IncompleteRead

WORKERS = 16


def connect(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=10)


class Load:
    """Workers that ask `path` of the instances, in turn, over connections that are kept alive.

    A request that fails before the first byte of its answer is asked of another instance, as proxies do
    (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream); an answer that breaks off,
    or that no instance gives, is a request that was lost.
    """

    def __init__(
        self,
        ports: Callable[[], list[int]],
        path: str = "/",
        connect: Callable[[int], HTTPConnection] = connect,
        workers: int = WORKERS,
        pause: float = 0,
    ) -> None:
        self.ports, self.path, self.connect = ports, path, connect
        self.workers, self.pause = workers, pause  # pause: seconds between the requests of a worker
        self.answers: Counter[int] = Counter()
        self.lost: list[str] = []
        self.asked_again = 0
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Load"]:
        workers = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.workers)]
        for worker in workers:
            worker.start()
        try:
            yield self
        finally:
            self._stop.set()
            for worker in workers:
                worker.join(timeout=30)

    def _work(self, first: int) -> None:
        connections: dict[int, HTTPConnection] = {}
        for number in itertools.count(first):
            if self._stop.is_set():
                break
            self._request(connections, number)
            self._stop.wait(self.pause)
        for connection in connections.values():
            connection.close()

    def _request(self, connections: dict[int, HTTPConnection], number: int) -> None:
        ports, failures = self.ports(), []
        for attempt in range(len(ports) * 2):
            port = ports[(number + attempt) % len(ports)]
            connection = connections.setdefault(port, self.connect(port))
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
            except (OSError, HTTPException) as error:
                connection.close()
                failures.append(f"{port}: {error!r}")
                self.asked_again += 1
                time.sleep(0.01)
                continue
            try:
                response.read()
            except (OSError, IncompleteRead) as error:
                connection.close()
                self.lost.append(f"{port}: broke off: {error!r}")
                return
            self.answers[response.status] += 1
            return
        self.lost.append("; ".join(failures))
