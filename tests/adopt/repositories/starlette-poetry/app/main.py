from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


async def health(request):
    return JSONResponse({"status": "ok"})


async def index(request):
    Path("var/seen").write_text("yes")  # what it must write to
    Path("uploads/last").write_text("yes")
    return PlainTextResponse("orders\n")


app = Starlette(routes=[Route("/healthz", health), Route("/", index)])
