"""A fake of the one call of FunctionGraph's API that the product makes: asynchronous invocation.

POST /v2/{project_id}/fgs/functions/{function_urn}/invocations-async, answered 202 with a request id, or 404 and FSS.1051
(functiongraph_06_0126 of Huawei Cloud's help centre, "Executing a Function Asynchronously"). What a signature says is not checked
here, but that there is one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.functiongraph.runtime import Function


class _Api(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), body))
        function = self.server.functions.get(
            unquote(self.path.partition("/fgs/functions/")[2].removesuffix("/invocations-async"))
        )
        if "SDK-HMAC-SHA256" not in self.headers.get("Authorization", "") or not self.path.endswith("/invocations-async"):
            return self._say(401, {"error_code": "APIGW.0301", "error_msg": "Incorrect IAM authentication information"})
        if function is None:
            return self._say(404, {"error_code": "FSS.1051", "error_msg": "Not found the function"})
        found = [function.invoke_async(body.decode()) for _ in range(self.server.times)]
        return self._say(202, {"request_id": found[0]})

    def _say(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Api(ThreadingHTTPServer):
    """``functions`` by their URNs; each accepted invocation is brought ``times`` times."""

    daemon_threads = True

    def __init__(self, *functions: Function, times: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.functions, self.times = {each.urn: each for each in functions}, times
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(*functions: Function, **more: Any) -> Iterator[Api]:
    api = Api(*functions, **more)
    thread = threading.Thread(target=api.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield api
    finally:
        api.shutdown()
        thread.join()
        api.server_close()
