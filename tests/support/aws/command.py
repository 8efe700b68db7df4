"""The aws command, started once: a start of its own takes a second of CPU, and a deployment calls it a dozen times.

A process that has awscli loaded forks for each call; `aws` is a small client that hands it the arguments, the
environment, the folder and the three streams. What runs in the fork is awscli's own `main`.
"""

import gc
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import reload
from pathlib import Path

SERVICES = ("cloudformation", "cloudwatch", "ec2", "ecs", "lambda", "ssm")
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    code = server.recv(1)
    sys.exit(code[0] if code else "aws: its process ended")
"""


@contextmanager
def quick_aws(folder: Path) -> Iterator[Path]:
    """A folder for PATH, which holds `aws`."""
    path = folder / "socket"
    client = folder / "bin/aws"
    client.parent.mkdir()
    client.write_text(CLIENT.format(python=sys.executable, path=str(path)))
    client.chmod(0o755)
    with subprocess.Popen([sys.executable, "-m", __name__, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield client.parent
        process.terminate()


def quick_waiters(folder: Path) -> Path:
    """A folder for AWS_DATA_PATH: botocore's own waiters, which ask every second instead of every thirty.

    https://docs.aws.amazon.com/boto3/latest/guide/configuration.html#using-environment-variables
    """
    from botocore.loaders import Loader  # noqa: PLC0415 - only the tests of scripts need it

    loader = Loader()
    for service in SERVICES:
        version = loader.determine_latest_version(service, "waiters-2")
        waiters = loader.load_service_model(service, "waiters-2", version)
        for waiter in waiters["waiters"].values():
            waiter["maxAttempts"] = waiter["maxAttempts"] * waiter["delay"]
            waiter["delay"] = 1
        path = folder / service / version / "waiters-2.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(waiters))
    return folder


def serve(path: str) -> None:
    """Answer calls at a socket until the process is ended."""
    import awscli.clidriver  # type: ignore[import-untyped] # noqa: PLC0415 - the tests that import this module need no awscli
    import botocore.session  # noqa: PLC0415
    from botocore.loaders import JSONFileLoader, Loader  # noqa: PLC0415

    read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))  # models: once, before the first fork
    setattr(JSONFileLoader, "load_file", lambda _, file_path: read(file_path))  # noqa: B010
    # Which services there are, each call asks of thousands of files; AWS_DATA_PATH adds waiters to them, no service.
    services = cache(partial(Loader.list_available_services, Loader()))
    setattr(Loader, "list_available_services", lambda _, type_name: services(type_name))  # noqa: B010
    for kind in ("service-2", "waiters-2", "paginators-1"):
        services(kind)
    for service in SERVICES:
        botocore.session.get_session().create_client(service, "us-east-1")
    awscli.clidriver.create_clidriver()
    # A collection in a fork would write to all that was read so far, and so copy it: half of the CPU of a call.
    gc.collect()
    gc.freeze()
    gc.disable()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            answer(connection)
        connection.close()
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


def answer(connection: socket.socket) -> None:
    """Run one call in this process, which ends with it, or as soon as nobody waits for it any more."""
    import awscli.clidriver  # noqa: PLC0415

    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    call = b""
    while len(call) < int.from_bytes(size, "big"):
        call += connection.recv(2**16)
    arguments, folder, environment = json.loads(call)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(environment)
    reload(awscli)  # which adds its own folder to AWS_DATA_PATH
    os.chdir(folder)
    # Version 1 of the command asks https://rds.amazonaws.com in us-east-1, whatever AWS_ENDPOINT_URL says.
    sys.argv = ["aws", f"--endpoint-url={environment['AWS_ENDPOINT_URL']}", *arguments]
    threading.Thread(target=lambda: connection.recv(1) or os._exit(137), daemon=True).start()
    try:
        code = awscli.clidriver.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([code]))
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
