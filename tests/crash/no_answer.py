"""A function that does all its work, and dies before the runtime client could hand its answer to the Runtime API."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

from handlers import aws_lambda

if TYPE_CHECKING:
    from handlers.aws_lambda import Context


def timer(event: object, context: Context) -> NoReturn:
    aws_lambda.timer(event, context)
    _die()


def alert(event: object, context: Context) -> NoReturn:
    aws_lambda.alert(event, context)
    _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL cannot be caught")
