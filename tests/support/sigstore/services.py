"""Starts the services, and says to cosign where they are and what to trust."""

import fcntl
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.engine.container import free_port
from tests.support.sigstore import build
from tests.support.sigstore.issuer import ISSUER, Issuer, issuing
from tests.support.sigstore.keys import PASSWORD, Authority, key_pair
from tests.support.tools import go_tool, run

START = "2020-01-01T00:00:00Z"


@dataclass(frozen=True)
class Sigstore:
    """The addresses and keys of a run, for a test that changes one of them."""

    folder: Path
    issuer: Issuer
    fulcio: str
    rekor: str
    timestamps: str

    def environment(self, **claims: str) -> dict[str, str]:
        """Settings of cosign's own for a job with these claims; without claims, for one who only verifies.

        cosign takes any of its options from the environment: https://github.com/sigstore/cosign/blob/main/doc/cosign.md
        """
        trust = {"COSIGN_TRUSTED_ROOT": str(self.folder / "trusted_root.json")}
        if not claims:
            return trust
        return trust | {"COSIGN_SIGNING_CONFIG": str(self.config())} | self.issuer.environment(claims)

    def config(self, rekor: str = "", version: int = 2) -> Path:
        """A signing configuration; with the address of another log, its file is another, too."""
        path = self.folder / f"signing_config{version if rekor else ''}.json"
        if not path.exists():
            log, since = rekor or self.rekor, f"start-time={START},operator=test"
            run([
                go_tool("cosign"), "signing-config", "create",
                f"--fulcio=url={self.fulcio},api-version=1,{since}",
                f"--rekor=url={log},api-version={version},{since}", "--rekor-config=ANY",
                f"--tsa=url={self.timestamps}/api/v1/timestamp,api-version=1,{since}", "--tsa-config=ANY",
                f"--out={path}",
            ])  # fmt: skip
        return path


@contextmanager
def running(folder: Path) -> Iterator[Sigstore]:
    """Start all, and stop them in the end; raises AssertionError with a service's log where it does not answer.

    One at a time on a machine, others wait: the timestamp server's port for metrics, 2112, can't be chosen.
    """
    authority = Authority(folder, "fulcio")
    log_key, log_public = key_pair(folder, "ct", "TraditionalOpenSSL")
    rekor_key, rekor_public = key_pair(folder, "rekor")
    build.BUILT.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        fcntl.flock(stack.enter_context((build.BUILT / "lock").open("w")), fcntl.LOCK_EX)

        def start(name: str, address: str, path: str, *arguments: str, **environment: str) -> str:
            log = folder / f"{name}.log"
            output = stack.enter_context(log.open("w"))
            command = [str(build.program(name)), *arguments]
            process = stack.enter_context(
                subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=os.environ | environment)
            )
            stack.callback(process.terminate)
            wait(f"http://{address}{path}", process, log)
            return f"http://{address}"

        issuer = stack.enter_context(issuing(authority, folder))
        at = [f"127.0.0.1:{free_port()}" for _ in range(4)]
        ports = [address.partition(":")[2] for address in at]
        log = start(
            "tesseract", at[0], "/ct/v1/get-roots", f"-http_endpoint={at[0]}", "-origin=ct.test",
            f"-roots_pem_file={authority.certificate}", f"-private_key={log_key}", f"-storage_dir={folder / 'ct'}",
            "-checkpoint_interval=100ms", "-batch_max_age=10ms",
        )  # fmt: skip
        rekor = start(
            "rekor-server", at[1], "/healthz", "serve", "--hostname=127.0.0.1", f"--http-port={ports[1]}",
            f"--grpc-port={free_port()}", f"--http-metrics-port={free_port()}", f"--storage-dir={folder / 'rekor'}",
            f"--signer-filepath={rekor_key}", "--checkpoint-interval=100ms", "--batch-max-age=10ms",
        )  # fmt: skip
        timestamps = start(
            "timestamp-server", at[2], "/api/v1/timestamp/certchain", "serve", "--host=127.0.0.1", f"--port={ports[2]}",
            "--scheme=http", "--timestamp-signer=memory", "--disable-ntp-monitoring",
        )  # fmt: skip
        (folder / "issuers.yaml").write_text(of_github())
        fulcio = start(
            "fulcio", at[3], "/healthz", "serve", "--ca=fileca", f"--fileca-cert={authority.certificate}",
            f"--fileca-key={authority.key}", f"--fileca-key-passwd={PASSWORD}", "--fileca-watch=false",
            f"--ct-log-url={log}", f"--ct-log-public-key-path={log_public}", f"--config-path={folder / 'issuers.yaml'}",
            "--host=127.0.0.1", f"--port={ports[3]}", "--grpc-host=127.0.0.1", f"--grpc-port={free_port()}",
            f"--metrics-port={free_port()}", f"--legacy-unix-domain-socket={folder / 'fulcio.sock'}",
            HTTPS_PROXY=f"http://{issuer.address}", NO_PROXY="127.0.0.1", SSL_CERT_FILE=str(authority.certificate),
        )  # fmt: skip
        with urllib.request.urlopen(f"{timestamps}/api/v1/timestamp/certchain", timeout=10) as answer:
            (folder / "timestamps.pem").write_bytes(answer.read())
        run([
            go_tool("cosign"), "trusted-root", "create",
            f"--fulcio=url={fulcio},certificate-chain={authority.certificate}",
            f"--ctfe=url={log},public-key={log_public},start-time={START}",
            f"--rekor=url={rekor},public-key={rekor_public},start-time={START}",
            f"--tsa=url={timestamps}/api/v1/timestamp,certificate-chain={folder / 'timestamps.pem'}",
            f"--out={folder / 'trusted_root.json'}",
        ])  # fmt: skip
        yield Sigstore(folder, issuer, fulcio, rekor, timestamps)


def of_github() -> str:
    """Of the public instance's issuers, GitHub's, and those that it makes for enterprises."""
    public = yaml.safe_load(build.issuers().read_text())
    for kind in ("oidc-issuers", "meta-issuers"):
        public[kind] = {url: settings for url, settings in public[kind].items() if url.startswith(ISSUER)}
    return yaml.safe_dump(public)


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"no answer at {url}:\n{log.read_text()}"
            time.sleep(0.05)
