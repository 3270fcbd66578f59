"""The recordings of real clients: their requests, and the estate in which they can be replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.sandbox.doors import Key
from handlers.sandbox.estate import DEFAULT, VAULTS, Estate

FOLDER = Path(__file__).parent.parent / "recordings"
HUAWEI_CBR = "huaweicloudsdk-cbr-aksk.json"
HUAWEI_REST = "huaweicloudsdk-auth-errors-smn-iam.json"
OTC = "otcextensions-token-checkpoint.json"

ACCESS_KEY, SECRET_KEY = "AKEXAMPLE0000000TEST", "skExampleExampleExampleExampleExample0000"
HUAWEI_PROJECT, OTC_PROJECT = "f841e01fd2b14e7fa41b6ae7aa6b0594", "4229d7a45436489f8c3dc2b1d35d4987"
VAULT_ID, SERVER_ID = "3b5816b5-f29c-4172-9d9a-76c719a659ce", "94eba8b2-acc9-4d82-badc-127144cc5526"
DISK_IDS = "43a320a5-3efd-4568-b1aa-8dd9183cc64b", "53a320a5-3efd-4568-b1aa-8dd9183cc64b"
TOKEN = "MIIExampleToken"
_UNDATED = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # when the recorded token was issued


def _vault() -> Any:
    server = VAULTS[0].resources[0]
    disks = tuple(replace(disk, id=disk_id) for disk, disk_id in zip(server.disks, DISK_IDS, strict=True))
    server = replace(server, id=SERVER_ID, name="ecs-1f0f-0002", disks=disks)
    return replace(VAULTS[0], id=VAULT_ID, name="vault-be94", resources=(server,))


def _estate(region: str, project_id: str, project_name: str, domain_name: str) -> Estate:
    account = replace(
        DEFAULT.account,
        region=region,
        project_id=project_id,
        project_name=project_name,
        domain_id="d1",
        domain_name=domain_name,
        username="user A",
        password="secret-example",
        agency="agencytest",
        tokens=(TOKEN,),
    )
    return replace(
        DEFAULT,
        region=region,
        project_id=project_id,
        account=account,
        keys={ACCESS_KEY: Key(SECRET_KEY)},
        vaults=(_vault(),),
        topic_urns=(f"urn:smn:eu-de:{project_id}:topic",),
    )


HUAWEI = _estate("cn-north-4", HUAWEI_PROJECT, "cn-north-4", "domain A")
T_CLOUD = _estate("eu-de", OTC_PROJECT, "eu-de_test", "OTC-EU-DE-00000000001000000001")
ESTATES = {HUAWEI_CBR: HUAWEI, HUAWEI_REST: HUAWEI, OTC: T_CLOUD}


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Sent:
    """One recorded request; ``number`` counts those of its step."""

    file: str
    step: str
    number: int
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file.removesuffix('.json')}: {self.step} [{self.number}]"

    @property
    def at(self) -> float:
        date = self.header("x-sdk-date")
        moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if date else _UNDATED
        return moment.timestamp()

    @property
    def body(self) -> bytes:
        body = str(self.document["body_utf8"]).encode()
        assert len(body) == self.document["body_len"]
        return body

    @property
    def raw(self) -> bytes:
        """As it went over the wire."""
        lines = [f"{self.document['method']} {self.document['target']} {self.document['http_version']}"]
        lines += [f"{name}: {value}" for name, value in self.document["headers"]]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    @property
    def answer(self) -> Any:
        return self.document["response"]

    def header(self, wanted: str) -> str:
        return next((value for name, value in self.document["headers"] if name.lower() == wanted), "")


def _all() -> Iterator[Sent]:
    for file in ESTATES:
        for step in load(file)["steps"]:
            for number, request in enumerate(step["requests"]):
                yield Sent(file, step["name"], number, request)


REQUESTS = list(_all())
