"""Serving the page to browsers of this machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ...errors import InputError

__all__ = ["page_server", "serve_page"]


class _Quiet(SimpleHTTPRequestHandler):
    """Serves the folder of the page, so that links to waveforms and reports work."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".vcd": "text/plain"}

    def __init__(self, *arguments: Any, page: str, **named: Any) -> None:
        self._page = page
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        if self.path in ("", "/"):
            self.path = f"/{self._page}"
        super().do_GET()

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not news."""


def page_server(page: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the page on the loopback interface; ``port`` 0 takes any free one.

    Raises
    ------
    InputError
        If the port is taken.
    """
    handler = partial(_Quiet, page=page.name, directory=str(page.resolve().parent))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise InputError(f"port must be free on this machine, not {port}: {error.strerror}"
                         ) from error  # fmt: skip


def serve_page(page: Path, port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C."""
    with page_server(page, port) as server:
        say(f"serving http://127.0.0.1:{server.server_address[1]}/ until Ctrl-C")
        server.serve_forever()
