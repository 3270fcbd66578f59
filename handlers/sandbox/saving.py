"""The state file: written whole or not at all, and never overwritten by somebody who could not read it."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from handlers.errors import Misconfigured
from handlers.sandbox.holding import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORMAT, _VERSION = "restore-point sandbox", 1
_DAMAGED = "is damaged, and was left as it is; move it away to start anew"
EVERY_SECONDS = 2.0
"""A sandbox that is killed loses what came in since the last write: so many seconds, more where a write takes half a second."""


class StateFile:
    """One file; ``path`` need not exist yet."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._known: tuple[int, ...] | None = None  # what tells the file we have read or written from any other

    def read(self) -> dict[str, Any] | None:
        """None if there is none, or nothing in it. Whatever is not ours or not whole stays as it is."""
        try:
            self._known = self._now()
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "it is no text"
            raise Misconfigured("state", f"{self.path} cannot be read: {reason}") from None
        if not text.strip():
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise Misconfigured("state", f"{self.path} {_DAMAGED}") from None
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise Misconfigured("state", f"{self.path} is some other file, and was left as it is")
        if found.get("version") != _VERSION:
            raise Misconfigured("state", f"{self.path} is of another version, and was left as it is")
        return found

    def write(self, parts: dict[str, Any]) -> None:
        """Replace the old one only when the new one is on disk, and only if nobody else has written it meanwhile."""
        if self._now() != self._known:
            raise Misconfigured("state", f"{self.path} was written by somebody else meanwhile, and was left as it is")
        document = json.dumps({"format": _FORMAT, "version": _VERSION, **parts})
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
            self._known = self._now()
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def _now(self) -> tuple[int, ...] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


class Part(Protocol):
    """What is kept of one part of the sandbox."""

    def save(self) -> dict[str, Any]:
        """Nothing in it changes later."""
        ...

    def load(self, saved: dict[str, Any]) -> None:
        """In the place of what is there."""
        ...

    def leap(self) -> None:
        """After `load`, of what was written while it went on: what may have been given out since is not given out again."""
        ...


class Saver:
    """Writes every few seconds of real time while ``changed`` gives something new, from a thread of its own, and at the end.

    What is written before the end says ``running``: whoever reads that knows that more may have happened.

    ``about`` says whose state it is: a file about something else is not ours. ``lock`` is held while parts are asked.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        parts: Mapping[str, Part],
        about: dict[str, Any],
        *,
        lock: AbstractContextManager[Any],
        changed: Callable[[], int],
    ) -> None:
        self._file, self._parts, self._about = StateFile(path), parts, about
        self._lock, self._changed = lock, changed
        self._hold = Hold(self._file.path)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._written: tuple[int, bool] | None = None

    def restore(self) -> None:
        """From the file, if there is one."""
        found = self._file.read()
        if found is None:
            return
        for key, value in self._about.items():
            if found.get(key) != value:
                raise Misconfigured("state", f"{self._file.path} has another {key.replace('_', ' ')}, and was left as it is")
        try:
            for name, part in self._parts.items():
                part.load(found[name])
                if found.get("running"):
                    part.leap()
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise Misconfigured("state", f"{self._file.path} {_DAMAGED}") from None

    def start(self) -> None:
        """Write at once, so that a place that cannot be written to is known before anything is lost."""
        self._hold.take()
        try:
            self._write_or_say(running=True)
        except Misconfigured:
            self._hold.release()
            raise
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name="sandbox-state", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is new since, and that this was the end."""
        if self._thread:
            self._ended.set()
            self._thread.join()
            self._thread = None
            try:
                self._write_or_say(running=False)
            finally:
                self._hold.release()

    def _run(self) -> None:
        """Of a large state no more than a sixth of the time goes into writing."""
        took = 0.0
        while not self._ended.wait(max(EVERY_SECONDS, 5 * took)):
            began = time.monotonic()
            # a full disk may be emptied again, and what changed while it was being written is written next time;
            # at the end they are errors
            with suppress(OSError, RuntimeError, Misconfigured):
                self._write(running=True)
            took = time.monotonic() - began

    def _write_or_say(self, *, running: bool) -> None:
        try:
            self._write(running=running)
        except OSError as problem:
            raise Misconfigured("state", f"{self._file.path} cannot be written: {problem.strerror}") from None

    def _write(self, *, running: bool) -> None:
        with self._lock:
            changed = (self._changed(), running)
            if changed == self._written:
                return
            parts = {name: part.save() for name, part in self._parts.items()}
        self._file.write(self._about | {"running": running} | parts)
        self._written = changed
