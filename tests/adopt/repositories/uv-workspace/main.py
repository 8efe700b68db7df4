import os
import signal
import sys

from bottle import get, run
from greetings import hello

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@get("/")
def index():
    return hello()


run(host="0.0.0.0", port=int(os.environ.get("PORT", "8000")))
