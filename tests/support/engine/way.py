"""A way to a server that can be cut, or led elsewhere."""

import contextlib
import selectors
import socket
import threading
import time


class Way:
    """A port of 127.0.0.1 that leads to another, and can be led elsewhere for those who come, as a name in the DNS."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.host, self.target = host, target
        self._forgotten = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self) -> None:
        """Hand on nothing of the connections that stand, without a word: so does a firewall that has forgotten them."""
        self._forgotten = time.monotonic()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                there, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(there,), daemon=True).start()

    def _carry(self, there: socket.socket) -> None:
        born = time.monotonic()
        with contextlib.suppress(OSError), there, socket.create_connection((self.host, self.target)) as here:
            ways = {there: here, here: there}
            with selectors.DefaultSelector() as ready:
                for one in ways:
                    ready.register(one, selectors.EVENT_READ)
                while True:
                    for key, _events in ready.select():
                        source: socket.socket = key.fileobj  # type: ignore[assignment]
                        data = source.recv(65536)
                        if not data:
                            return
                        if born > self._forgotten:
                            ways[source].sendall(data)
