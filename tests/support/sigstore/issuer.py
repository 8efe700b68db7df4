"""GitHub's issuer of identity tokens, under its own name, for those who are led to it by a proxy and trust its CA."""

import base64
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.sigstore.keys import Authority

HOST = "token.actions.githubusercontent.com"
ISSUER = f"https://{HOST}"


class Issuer:
    """Answers two kinds of requests at one address: a job's for a token, and a proxy's CONNECT to the issuer."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}, private=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*authority.server(HOST, folder))
        self.address = ""

    def environment(self, claims: dict[str, str]) -> dict[str, str]:
        """What GitHub gives a job that may ask for a token (`id-token: write`).

        https://docs.github.com/en/actions/reference/security/oidc
        """
        wanted = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://{self.address}/token?claims={urllib.parse.quote(wanted)}",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job",
        }

    def token(self, claims: dict[str, str], audience: str) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now - 5, "exp": now + 300}
        return jwt.encode({"alg": "RS256", "kid": "1"}, {"iss": ISSUER, "aud": audience, **times, **claims}, self.key)

    def document(self, path: str) -> Any:
        """What an issuer says of itself, and its public key; raises KeyError for any other path.

        An enterprise can have an issuer of its own, which is GitHub's with a path behind it.
        """
        base, _, page = path.partition("/.well-known/")
        return {
            "openid-configuration": {
                "issuer": ISSUER + base,
                "jwks_uri": f"{ISSUER}/.well-known/jwks",
                "subject_types_supported": ["public"],
                "response_types_supported": ["id_token"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "jwks": {"keys": [{**self.key.as_dict(private=False), "alg": "RS256"}]},
        }[page]


@contextmanager
def issuing(authority: Authority, folder: Path) -> Iterator[Issuer]:
    issuer = Issuer(authority, folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(parts.query))
            if parts.path == "/token" and self.headers["Authorization"] == "bearer of-this-job":
                claims = json.loads(base64.urlsafe_b64decode(query["claims"]))
                self.answer({"value": issuer.token(claims, query["audience"])})
                return
            try:
                self.answer(issuer.document(parts.path))
            except KeyError:
                self.answer({}, 404)

        def do_CONNECT(self) -> None:
            if self.path != f"{HOST}:443":  # nothing else is reached from here
                self.answer({}, 403)
                return
            self.send_response(200)
            self.end_headers()
            self.connection = self.request = issuer.tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def log_message(self, *_: object) -> None:
            """Say nothing: who asks is told in the answer."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.address = f"127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
