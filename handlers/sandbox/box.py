"""The sandbox as a Python object: starts, stops, tells where it is and what arrived."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Self

from handlers.errors import Misconfigured
from handlers.sandbox import replies
from handlers.sandbox.cbr import Cbr
from handlers.sandbox.doors import Doors
from handlers.sandbox.estate import DEFAULT
from handlers.sandbox.front import Front, routes
from handlers.sandbox.identity import Identity
from handlers.sandbox.server import Server
from handlers.sandbox.topics import Topics
from handlers.sandbox.vaults import Vaults, by_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from handlers.sandbox.estate import Estate
    from handlers.sandbox.exchange import Exchange

# set by AWS Lambda, by Knative and Cloud Run, by Huawei FunctionGraph
_SERVERLESS = ("AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "RUNTIME_FUNC_NAME")


class Sandbox:
    """CBR, IAM and SMN on one loopback port, with the vaults of ``estate``; everything is forgotten with the object.

    ``speed`` divides the 60 seconds of a first backup and the 20 of a later one. ``clock`` gives seconds since 1970 and is
    the only time the services know. ``port`` 0 takes a free one.
    """

    def __init__(
        self,
        port: int = 0,
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        *,
        host: str = "127.0.0.1",
        estate: Estate = DEFAULT,
        seed: int = 0,
    ) -> None:
        if not speed > 0:
            raise Misconfigured("speed", "must be greater than 0")
        self._address, self._clock = (host, port), clock
        self._estate = estate
        self._vaults = Vaults(estate.project_id, by_id(estate.vaults), speed)
        self._doors = Doors(estate.project_id, estate.keys, user_id=estate.account.user_id, seed=seed)
        self._topics = Topics(estate.topic_urns, region=estate.region, seed=seed)
        self._front = Front((), self._doors, clock)
        self._server: Server | None = None
        self.topic_urn = estate.topic_urns[0] if estate.topic_urns else ""

    def start(self) -> Self:
        """Refuse to be part of a deployment: its credentials are public and its restore points hold nothing."""
        for name in _SERVERLESS:
            if name in os.environ:
                raise Misconfigured(name, "is set, and the sandbox does not start on a serverless platform")
        server = Server(*self._address)
        identity = Identity(self._estate.account, self._doors, server.endpoint)
        self._front.routes = routes(Cbr(self._vaults, server.endpoint), identity, self._topics)
        server.start(self._front)
        self._server = server
        return self

    def stop(self) -> None:
        """Within a second, idle connections included. Records can still be read."""
        if self._server:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``; there is none before `start`."""
        if self._server is None:
            raise RuntimeError("the sandbox has not been started")
        return self._server.endpoint

    def settings(self) -> dict[str, Any]:
        """The document of ``restore-point sandbox --json``."""
        account, (access_key, key) = self._estate.account, next(iter(self._estate.keys.items()))
        return {
            "endpoint": self.endpoint,
            "iam_endpoint": self.endpoint,
            "smn_endpoint": self.endpoint,
            "project_id": account.project_id,
            "region": account.region,
            "access_key": access_key,
            "secret_key": key.secret,
            "username": account.username,
            "password": account.password,
            "user_domain_name": account.domain_name,
            "vaults": [{"id": vault.id, "name": vault.name} for vault in self._vaults.vaults.values()],
        }

    def environment(self) -> dict[str, str]:
        """Variables the official SDKs read; they write the region in capitals, with ``_`` for ``-``."""
        region = self._estate.region.replace("-", "_").upper()
        access_key, key = next(iter(self._estate.keys.items()))
        return {
            "HUAWEICLOUD_SDK_AK": access_key,
            "HUAWEICLOUD_SDK_SK": key.secret,
            "HUAWEICLOUD_SDK_PROJECT_ID": self._estate.project_id,
            f"HUAWEICLOUD_SDK_REGION_CBR_{region}": self.endpoint,
            f"HUAWEICLOUD_SDK_REGION_SMN_{region}": self.endpoint,
            "HUAWEICLOUD_SDK_IAM_ENDPOINT": self.endpoint,
        }

    @property
    def exchanges(self) -> list[Exchange]:
        """What has really arrived so far, in order."""
        with self._front.busy:
            return list(self._front.exchanges)

    def posts(self) -> list[Exchange]:
        """The attempts to create a checkpoint, refused ones included."""
        path = f"/v3/{self._estate.project_id}/checkpoints"
        return [seen for seen in self.exchanges if seen.method == "POST" and seen.path.removeprefix("/cbr") == path]

    def restore_points(self) -> list[dict[str, Any]]:
        """As CBR itself sees them now, oldest first; ``resources`` are the ids of those being or having been backed up."""
        with self._front.busy:
            now = self._clock()
            rows = [replies.checkpoint(self._vaults, taken, now) for taken in self._vaults.checkpoints.values()]
        return [
            {
                "id": row["id"],
                "name": row["extra_info"]["name"],
                "vault_id": row["vault"]["id"],
                "status": row["status"],
                "resources": [resource["id"] for resource in row["vault"]["resources"]],
            }
            for row in rows
        ]

    @property
    def published(self) -> list[dict[str, Any]]:
        """The messages topics have taken, oldest first."""
        with self._front.busy:
            return [dict(message) for message in self._topics.published]
