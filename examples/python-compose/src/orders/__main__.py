"""`python -m` with this package's name starts the service."""

import os
import signal

# Before the imports, which take half a second: until something runs there is nothing to stop.
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: os._exit(0))

from .platform.start import main  # noqa: E402

main()
