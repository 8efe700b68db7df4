import http.server
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("", 9000), http.server.SimpleHTTPRequestHandler).serve_forever()
