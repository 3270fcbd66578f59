"""Keeps a state file for one sandbox at a time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from handlers.errors import Misconfigured


class Hold:
    """A lock on a file beside it, for it is replaced whenever it is written. The lock goes with the process, whatever ends it."""

    def __init__(self, path: Path) -> None:
        self._path, self._beside = path, path.with_name(f".{path.name}.lock")
        self._handle = -1

    def take(self) -> None:
        """Or say that another sandbox has it."""
        if sys.platform == "win32":
            return
        import fcntl

        while self._handle < 0:
            try:
                handle = os.open(self._beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as problem:
                raise Misconfigured("state", f"{self._path} cannot be written: {problem.strerror}") from None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                raise Misconfigured("state", f"{self._path} is in use by another sandbox") from None
            if self._still(handle):
                self._handle = handle
            else:
                os.close(handle)  # it was taken away just now, and a lock on it locks nothing

    def release(self) -> None:
        """Take the file away first, while nobody else can have it."""
        if self._handle >= 0:
            with suppress(FileNotFoundError):
                self._beside.unlink()
            os.close(self._handle)
            self._handle = -1

    def _still(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self._beside.stat())
        except FileNotFoundError:
            return False
