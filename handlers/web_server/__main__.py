"""``python -m handlers.web_server``: what a container runs. HOST, PORT, THREADS, WORKERS are read as functions-framework does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import functions_framework
from gunicorn.app.base import BaseApplication

from handlers.errors import Misconfigured
from handlers.settings.listening import Listening, listening
from handlers.trust import HEADERS
from handlers.web_server.arriving import LINE_MOST

KEPT_SECONDS = 75
"""An idle connection is kept longer than front ends do (60 s and less), so that none sends into one that is just being closed."""
CONNECTIONS = 500
"""At a time and worker, for a process may often open no more than 1,024 files."""
GRACE_SECONDS = 30
"""After SIGTERM, for what runs: a little more than a request may take."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn around ``application``."""

    def __init__(self, application: Any, where: Listening) -> None:
        self._application, self._where = application, where
        super().__init__()

    def load_config(self) -> None:
        """Everything that is not gunicorn's default."""
        host = f"[{self._where.host}]" if ":" in self._where.host else self._where.host
        for name, value in {
            "bind": f"{host}:{self._where.port}",
            "worker_class": "handlers.web_server.worker.Worker",
            "workers": self._where.workers,
            "threads": self._where.threads,
            "worker_connections": CONNECTIONS,
            "keepalive": KEPT_SECONDS,
            "graceful_timeout": GRACE_SECONDS,
            "timeout": 0,  # a frozen instance must not be found dead when it is woken
            "limit_request_line": LINE_MOST,
            "limit_request_field_size": LINE_MOST,
            "limit_request_fields": HEADERS,
            "forwarded_allow_ips": "",  # a sidecar hands on whatever a stranger calls SCRIPT_NAME
            "loglevel": "error",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The same for all workers, made before they are."""
        return self._application


def main(given: list[str]) -> int:
    """Serves until stopped."""
    parser = argparse.ArgumentParser(prog="python -m handlers.web_server", description=__doc__)
    parser.add_argument("--host", help="the address to listen on (default: HOST, else 0.0.0.0)")
    parser.add_argument("--port", help="the port (default: PORT, else 8080)")
    arguments = parser.parse_args(given)
    try:
        where = listening(arguments.host, arguments.port)
        create: Any = functions_framework.create_app
        application = create(where.target, where.source or str(Path(__file__).parents[1] / "web.py"), "http")
    except Misconfigured as problem:
        print(f"restore-point: {problem}", file=sys.stderr)
        return 2
    Server(application, where).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
