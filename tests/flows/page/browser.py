"""A headless Chromium, told what to do by its DevTools protocol."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tornado.ioloop import IOLoop
from tornado.websocket import WebSocketClientConnection, websocket_connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page."""

    def __init__(self, loop: IOLoop, socket: WebSocketClientConnection) -> None:
        self._loop, self._socket, self._number = loop, socket, 0
        self.requests: list[str] = []
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Do one thing; return what the browser answers."""
        self._number += 1
        number = self._number

        async def ask() -> dict[str, Any]:
            await self._socket.write_message(
                json.dumps({"id": number, "method": method, "params": parameters})
            )
            while True:
                told = json.loads(await self._socket.read_message() or "null")
                if told.get("method") == "Network.requestWillBeSent":
                    self.requests.append(told["params"]["request"]["url"])
                if told.get("method") == "Runtime.exceptionThrown":
                    self.errors.append(str(told["params"]["exceptionDetails"]))
                if told.get("id") == number:
                    assert "error" not in told, (method, told)
                    return dict(told["result"])

        return self._loop.run_sync(ask, timeout=60)

    def run(self, script: str) -> Any:
        """Compute a JavaScript expression in the page; a promise is waited for."""
        told = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def open(self, address: str, width: int = 1280, height: int = 900) -> None:
        """Go to a page and wait until it stands."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.run("new Promise((done) => document.readyState === 'complete' ? done() "
                 ": addEventListener('load', done))")  # fmt: skip
        self.run("new Promise((done) => setTimeout(done, 100))")

    def wait_for(self, condition: str) -> None:
        """Wait until a JavaScript expression holds: events are delivered when the page has time."""
        end = time.monotonic() + 20
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} does not hold after 20 s"
            time.sleep(0.01)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        codes = {"Tab": 9, "Enter": 13, "ArrowRight": 39, " ": 32}
        for key in keys:
            text = {"Enter": "\r", " ": " "}.get(key, "")
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                          windowsVirtualKeyCode=codes[key], text=text if kind == "keyDown" else "",
                          )  # fmt: skip

    def click(self, selector: str, kind: str = "mousePressed") -> None:
        """Click in the middle of an element, or only go there (``mouseMoved``)."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        if kind == "mousePressed":
            for each in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=each, x=x, y=y, button="left",
                          clickCount=1)  # fmt: skip

    def picture(self, path: Path) -> None:
        """Write a screenshot."""
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium, and end it."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        job = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--remote-debugging-port=0", f"--user-data-dir={home}", "--remote-allow-origins=*",
             "--no-first-run", "--disable-background-networking", "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert job.stderr is not None
            port = next(
                found[1] for line in job.stderr
                if (found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line))
            )  # fmt: skip
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                pages = [each for each in json.load(answer) if each["type"] == "page"]
            loop = IOLoop(make_current=False)
            socket = loop.run_sync(
                lambda: websocket_connect(pages[0]["webSocketDebuggerUrl"],
                                          max_message_size=1 << 28)
            )  # fmt: skip
            yield Browser(loop, socket)
            socket.close()
            loop.close()
        finally:
            job.kill()
            job.wait()
