"""One instance of the fake of FunctionGraph's documented Python runtime: the process that holds the function's code.

Started by ``tests.functiongraph.runtime`` and alone with the code folder: a standard library, that folder, the libraries beside
it. Sources, by the name of the page in Huawei Cloud's help centre (support.huaweicloud.com):

- devg-functiongraph/functiongraph_02_0420, "Developing a Python Event Function": handler(event, context) is named
  [file].[function]; event is JSON; None is an empty body, a text the body itself, anything else JSON.
- devg-functiongraph/functiongraph_02_0502, "Function Development Overview": the initializer, initializer(context); the methods of
  the context. openYuanrong's runtime (openyuanrong/runtime, yr/functionsdk/context.py) has the same ones: getUserData takes a
  default there, keys are the same ones for ten minutes.
- usermanual-functiongraph/functiongraph_01_0154, "Configuring Environment Variables": the RUNTIME_… variables.
- openYuanrong's yr/executor/faas_executor.py: an exception and sys.exit are failures, what JSON cannot hold is one, too.

What none of them says is in README.md beside this file.
"""

from __future__ import annotations

import importlib
import json
import socket
import sys
import threading
import time
import traceback
from typing import Any


class Logger:
    """``time request-id level text``, as the page on the context's methods describes its lines."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def _line(self, level: str, text: object) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(f"{at} {self._request_id} {level} {text}\n")
        sys.stdout.flush()

    def debug(self, text: object) -> None:
        self._line("DEBUG", text)

    def info(self, text: object) -> None:
        self._line("INFO", text)

    def warn(self, text: object) -> None:
        self._line("WARN", text)

    def error(self, text: object) -> None:
        self._line("ERROR", text)


class Context:
    """The documented methods. Keys are those of this call; a method that does not exist there does not exist here."""

    def __init__(self, function: dict[str, Any], call: dict[str, Any]) -> None:
        self._function, self._call, self._began = function, call, time.time()

    def getRequestID(self) -> str:  # noqa: N802
        return str(self._call["request_id"])

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802
        return int((self._began + self._function["seconds"] - time.time()) * 1000)

    def getRunningTimeInSeconds(self) -> int:  # noqa: N802
        return int(self._function["seconds"])

    def getUserData(self, key: str, default: str | None = None) -> str | None:  # noqa: N802
        found: str | None = self._function["user_data"].get(key, default)
        return found

    def getSecurityAccessKey(self) -> str | None:  # noqa: N802
        return self._key(0)

    def getSecuritySecretKey(self) -> str | None:  # noqa: N802
        return self._key(1)

    def getSecurityToken(self) -> str | None:  # noqa: N802
        return self._key(2)

    def getToken(self) -> str | None:  # noqa: N802
        return self._key(3)

    def getProjectID(self) -> str:  # noqa: N802
        return str(self._function["project_id"])

    def getPackage(self) -> str:  # noqa: N802
        return "default"

    def getFunctionName(self) -> str:  # noqa: N802
        return str(self._function["name"])

    def getVersion(self) -> str:  # noqa: N802
        return "latest"

    def getAlias(self) -> str:  # noqa: N802
        return ""

    def getMemorySize(self) -> int:  # noqa: N802
        return int(self._function["memory"])

    def getCPUNumber(self) -> int:  # noqa: N802
        """Thousandths of a core, which follow the memory."""
        return 200 + int(self._function["memory"]) // 128 * 100

    def getLogger(self) -> Logger:  # noqa: N802
        return Logger(self.getRequestID())

    def _key(self, number: int) -> str | None:
        found: str | None = self._call["keys"][number]
        return found


def loaded(name: str) -> Any:
    """``file.function``: the one file of that name in the code folder. Packages are not documented."""
    file, dot, function = name.partition(".")
    if not dot or "." in function:
        raise ValueError(f"a handler is named file.function, not {name!r}")
    return getattr(importlib.import_module(file), function)


def answered(handler: Any, function: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """What goes back for one call."""
    try:
        result = handler(json.loads(call["event"]), Context(function, call))
        if result is None or isinstance(result, str):
            return {"body": result or "", "type": ""}
        return {"body": json.dumps(result), "type": "application/json"}
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever a handler does, the instance goes on
        traceback.print_exc()
        return {"error": f"{type(problem).__name__}: {problem}"}


def main(number: int) -> None:
    """Calls come as lines of JSON by this descriptor and are answered by it, in threads, in any order."""
    line = socket.socket(fileno=number)
    calls, writing = line.makefile("r", encoding="utf-8"), threading.Lock()

    def say(document: dict[str, Any]) -> None:
        with writing:
            line.sendall(json.dumps(document).encode() + b"\n")

    function = json.loads(next(calls))
    sys.path.insert(0, function["root"])
    try:
        handler = loaded(function["handler"])
        if function["initializer"]:
            loaded(function["initializer"])(Context(function, {"request_id": "init", "keys": function["keys"]}))
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever the code is, the caller hears of it
        traceback.print_exc()
        say({"ready": False, "error": f"{type(problem).__name__}: {problem}"})
        return
    say({"ready": True})

    def serve(call: dict[str, Any]) -> None:
        say(answered(handler, function, call) | {"call": call["call"]})

    for each in calls:
        threading.Thread(target=serve, args=(json.loads(each),), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
