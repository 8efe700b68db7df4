"""A small Gateway: it follows an HTTPRoute, and spreads requests over its Services by their weights."""

import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.cluster import get, kubeconfig, wait_until

BACKENDS = '{.spec.rules[-1:].backendRefs}{"\\n"}'  # the last rule's: the one before leads nowhere


@dataclass
class Gateway:
    """A proxy on a port of this machine, for the time that it is running.

    `asked` counts the requests by the canary's share at that time, in percent, and whether the canary got them;
    `answered`, by the Service, the status and the version in the answer.
    """

    namespace: str
    route: str
    shares: list[int] = field(default_factory=list)  # of the canary, one after the other
    asked: Counter[tuple[int, bool]] = field(default_factory=Counter)
    answered: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    port: int = 0
    _weights: dict[str, int] = field(default_factory=dict)
    _credit: dict[str, int] = field(default_factory=dict)
    _addresses: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator["Gateway"]:
        command = ("kubectl", "--namespace", self.namespace, "get", "httproute", self.route, "--watch")
        environment = os.environ | {"KUBECONFIG": str(kubeconfig())}
        watch = subprocess.Popen(
            [*command, f"--output=jsonpath={BACKENDS}"], env=environment, stdout=subprocess.PIPE, text=True
        )
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = server.server_address[1]
        follower = threading.Thread(target=self._follow, args=(watch,), daemon=True)
        follower.start()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            wait_until("the route", lambda: self._weights, seconds=20)
            yield self
        finally:
            server.shutdown()
            server.server_close()
            watch.kill()
            follower.join(timeout=10)
            watch.communicate(timeout=10)

    def _follow(self, watch: "subprocess.Popen[str]") -> None:
        assert watch.stdout
        for line in watch.stdout:
            weights = {str(one["name"]): int(one.get("weight", 1)) for one in json.loads(line)}
            for name in weights.keys() - self._addresses.keys():
                self._addresses[name] = get(self.namespace, "service", name)["spec"]["clusterIP"]
            with self._lock:
                self._weights, self._credit = weights, {}
            share = self.share()
            if [share] != self.shares[-1:]:
                self.shares.append(share)

    def share(self) -> int:
        total = sum(self._weights.values())
        assert total > 0, f"no Service has any weight: {self._weights}"
        return 100 * self._weights.get(f"{self.route}-canary", 0) // total

    def _next(self) -> str:
        """The Services in turn, as smooth weighted round-robin has them: of ten requests at 20 %, two."""
        for name, weight in self._weights.items():
            self._credit[name] = self._credit.get(name, 0) + weight
        name = max(self._weights, key=lambda each: self._credit[each])
        self._credit[name] -= sum(self._weights.values())
        return name

    def _pass_on(self, path: str) -> tuple[int, bytes]:
        with self._lock:
            name = self._next()
            self.asked[self.share(), name.endswith("-canary")] += 1
        connection = HTTPConnection(self._addresses[name], 80, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, HTTPException) as error:
            status, body = 502, json.dumps({"gateway": repr(error)}).encode()
        finally:
            connection.close()
        with self._lock:
            self.answered[name, status, str(json.loads(body).get("version", ""))] += 1
        return status, body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = gateway._pass_on(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
