"""A headless Chromium, driven by the DevTools protocol over a pipe; its profile is thrown away."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SECONDS = 60
"""The longest that an answer may take."""
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--disable-sync", "--remote-debugging-pipe", "--force-color-profile=srgb"),
)


class Page:
    """One page of the browser, and all that it complained of and asked for."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._left = b""
        self._number = 0
        self._session = ""
        self.complaints: list[str] = []
        """Messages in the console, refusals by the content security policy among them."""
        self.requests: list[str] = []
        """The addresses that were asked for."""
        self._loaded = False
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._writes, data) :]
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._left:
            ready = select.select([self._reads], [], [], max(0, end - time.monotonic()))[0]
            assert ready, "Chromium does not answer"
            data = os.read(self._reads, 1 << 20)
            assert data, "Chromium ended"
            self._left += data
        text, _, self._left = self._left.partition(b"\0")
        said: dict[str, Any] = json.loads(text)
        self._hear(said.get("method", ""), said.get("params", {}))
        return said

    def _hear(self, method: str, found: dict[str, Any]) -> None:
        if method == "Log.entryAdded":
            self.complaints.append(found["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(json.dumps(found)[:300])
        elif method == "Network.requestWillBeSent":
            if not found["request"]["url"].startswith("data:"):  # that stands in the page itself
                self.requests.append(found["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def open(self, file: Path, *, width: int, dark: bool = False) -> None:
        """Open a file as a screen of this width shows it; a narrow one is a phone."""
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self._loaded = False
        self.complaints.clear()
        self.requests.clear()
        self.do("Page.navigate", url=file.as_uri())
        while not self._loaded:
            self._next()

    def value(self, expression: str) -> Any:
        """Give what an expression is in the page; its policy does not bind the debugger."""
        done = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def picture(self) -> bytes:
        """Draw all of the page, as PNG."""
        done = self.do("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(done["data"])

    def printed(self) -> bytes:
        """Print the page, as PDF."""
        return base64.b64decode(self.do("Page.printToPDF")["data"])


def _pipe() -> tuple[int, int]:
    """Make a pipe whose descriptors are none of those that Chromium is told to use."""
    ends = os.pipe()
    reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return reads, writes


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a browser whose profile and home are `folder`, and end it."""
    theirs_in, ours_out = _pipe()
    ours_in, theirs_out = _pipe()
    # It reads from descriptor 3, and writes to 4.
    script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    command = ["bash", "-c", script, "bash", "chromium", *OPTIONS, f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        command,
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        page = Page(ours_in, ours_out)
        yield page
        page._session = ""
        with suppress(AssertionError, OSError):
            page.do("Browser.close")
        process.wait(SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours_in)
        os.close(ours_out)
