"""A headless Chromium, asked by the DevTools protocol over a pipe: no port, no driver, nothing of anybody's to install.

RESTORE_POINT_CHROMIUM names the browser, where it is not ``chromium`` on the path.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PATIENCE = 60.0
MOST_PIXELS = 4000
"""Of a page's height in a screenshot: what is further down looks like what is above."""
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--font-render-hinting=none", "--remote-debugging-pipe"),
)
_LAUNCH = """
import os, sys
reads, writes = (os.dup2(int(fd), 60 + n) for n, fd in enumerate(sys.argv[1:3]))
os.dup2(reads, 3), os.dup2(writes, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""The browser reads from descriptor 3 and writes to 4."""


def chromium() -> str | None:
    """Where it is, if it is anywhere."""
    named = os.environ.get("RESTORE_POINT_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One process; pages are opened in it and closed again."""

    def __init__(self, folder: Path) -> None:
        program = chromium()
        assert program, "no chromium"
        reads, self._out = os.pipe()
        self._in, writes = os.pipe()
        for descriptor in (reads, writes):
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - the function's own way
        launch = (sys.executable, "-c", _LAUNCH, str(reads), str(writes), program)
        self._process = subprocess.Popen(
            [*launch, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(reads, writes),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC", "LANG": "C.UTF-8"},
        )
        os.close(reads)
        os.close(writes)
        self._asked, self._rest = 0, b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """The result of one method; what else is said meanwhile is kept among the events."""
        self._asked += 1
        asked = self._asked
        message: dict[str, Any] = {"id": asked, "method": method, "params": parameters}
        os.write(self._out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            said = self._said()
            if said.get("id") != asked:
                self.events.append(said)
                continue
            assert "error" not in said, (method, said)
            return said["result"]

    def wait(self, method: str, session: str) -> None:
        """Until that was said."""
        while not any(each.get("method") == method and each.get("sessionId") == session for each in self.events):
            self.events.append(self._said())

    def _said(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(until - time.monotonic(), 0))
            assert ready, "the browser says nothing"
            more = os.read(self._in, 1 << 20)
            assert more, "the browser is gone"
            self._rest += more
        said, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(said)
        return found

    def close(self) -> None:
        """The process, and what it had."""
        os.close(self._out)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        os.close(self._in)


@dataclass
class Page:
    """A file, opened. ``dark`` and ``media`` are what the reader's machine asks for."""

    browser: Browser
    file: Path
    width: int = 1280
    dark: bool = False
    media: str = ""
    _session: str = field(default="", init=False)
    _target: str = field(default="", init=False)

    def __enter__(self) -> Self:
        self._target = self.browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.browser.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=self.media, features=[scheme])
        self.call("Page.navigate", url=self.file.as_uri())
        self.browser.wait("Page.loadEventFired", self._session)
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.call("Target.closeTarget", targetId=self._target)

    def call(self, method: str, **parameters: Any) -> Any:
        return self.browser.call(method, self._session, **parameters)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression. The page has no script of its own; this one is the test's."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def said(self, method: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        mine = [each for each in self.browser.events if each.get("sessionId") == self._session]
        return [each["params"] for each in mine if each["method"] == method]

    def requests(self) -> list[str]:
        """What the page asked for, wherever that is."""
        self.ask("new Promise(done => setTimeout(done, 200))")
        return [each["request"]["url"] for each in self.said("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """Errors of the console: what the policy forbade is one."""
        return [each["entry"]["text"] for each in self.said("Log.entryAdded")]

    def screenshot(self, to: Path, height: int = 0) -> Path:
        """The whole page, or so much of it."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": height or min(size["height"], MOST_PIXELS), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        to.write_bytes(base64.b64decode(shot["data"]))
        return to

    def printed(self, to: Path) -> Path:
        """As a printer gets it: A4, by the page's rules for print."""
        pdf = self.call("Page.printToPDF", printBackground=False, paperWidth=8.27, paperHeight=11.69)
        to.write_bytes(base64.b64decode(pdf["data"]))
        return to
