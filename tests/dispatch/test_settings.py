"""Which queue may be named, and that a start with any other is refused by the name of the variable, without its value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import estate
from tests.dispatch.stage import Stage, stage_in

SQS = "sqs:https://sqs.eu-central-1.amazonaws.com/123456789012/wishes"
URN = f"urn:fss:sandbox-1:{estate.PROJECT_ID}:function:default:worker"
SERVICE = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
FUNCTIONS = {"HUAWEICLOUD_SDK_REGION_FUNCTIONGRAPH_SANDBOX_1": "https://functiongraph.sandbox-1.example.com"}
MARK = "markmark"
"""Stands in values that are refused, and may stand in no message."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all: nothing is sent here."""
    with stage_in(tmp_path_factory.mktemp("settings"), 2) as made:
        yield made


@pytest.mark.parametrize(
    ("queue", "more"),
    [
        (SQS, {}),
        ("sqs:https://sqs.cn-north-1.amazonaws.com.cn/123456789012/wishes", {}),
        ("sqs:http://localhost:4566/000000000000/wishes", {"RESTORE_POINT_SQS_ENDPOINT": "", "AWS_REGION": "eu-central-1"}),
        ("sqs:http://127.0.0.1:4566/000000000000/wishes", {"RESTORE_POINT_SQS_ENDPOINT": "", "AWS_REGION": "eu-central-1"}),
        (SQS, {"RESTORE_POINT_SQS_ENDPOINT": "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com"}),
        ("sink", {"K_SINK": SERVICE}),
        ("sink", {"K_SINK": "https://broker.example.com/default"}),
        (f"sink:{SERVICE}", {}),
        ("sink:http://broker.default.svc:8080", {}),
        ("sink:https://broker.example.com", {}),
        ("sink:http://127.0.0.1:8080/x", {}),
        (f"functiongraph:{URN}", FUNCTIONS),
        (f"functiongraph:{URN}:latest", FUNCTIONS),
    ],
)
def test_these_are_queues(stage: Stage, queue: str, more: dict[str, str]) -> None:
    service = stage.service(stage.environ(RESTORE_POINT_QUEUE=queue, **more))
    assert service.dispatch is not None


def test_none_is_no_queue(stage: Stage) -> None:
    given = stage.environ()
    del given["RESTORE_POINT_QUEUE"]
    assert stage.service(given).dispatch is None
    assert stage.service(given | {"RESTORE_POINT_QUEUE": ""}).dispatch is None


@pytest.mark.parametrize(
    "queue",
    [
        f"kafka:{MARK}",
        MARK,
        "sqs:",
        f"sqs:{MARK}",
        f"sqs:http://sqs.eu-central-1.amazonaws.com/123456789012/{MARK}",
        f"sqs:https://sqs.eu-central-1.amazonaws.com.{MARK}.example/123456789012/wishes",
        f"sqs:https://{MARK}@sqs.eu-central-1.amazonaws.com/123456789012/wishes",
        f"sqs:https://user:{MARK}@sqs.eu-central-1.amazonaws.com/123456789012/wishes",
        f"{SQS}?{MARK}=1",
        f"{SQS}#{MARK}",
        f"{SQS}/../{MARK}",
        f"sqs:https://sqs.eu-central-1.amazonaws.com/12345/{MARK}",
        f"sqs:https://sqs.eu-central-1.amazonaws.com/123456789012/{MARK}.fifo",
        f"sqs:http://{MARK}:4566/000000000000/wishes",
        f"sqs:http://localhost:4566@{MARK}:80/000000000000/wishes",
        "sink",
        "sink:",
        f"sink:http://{MARK}.example.com",
        f"sink:http://broker.svc.{MARK}.com",
        f"sink:http://{MARK}svc",
        f"sink:http://10.0.0.1/{MARK}",
        f"sink:ftp://{MARK}.example.com",
        f"sink:https://{MARK}@broker.example.com",
        f"sink:http://{MARK}@broker.default.svc",
        f"sink:https://user:{MARK}@broker.example.com/x",
        f"sink:https://broker.example.com/x?{MARK}=1",
        f"sink:https://broker.example.com/x#{MARK}",
        f"sink:https://broker.example.com\n{MARK}",
        f"sink:https://broker.example.com/../{MARK}",
        "functiongraph:",
        f"functiongraph:{MARK}",
        f"functiongraph:urn:fss:sandbox-1:{'0' * 32}:function:default:{MARK}",
        f"functiongraph:{URN}?{MARK}",
        f"functiongraph:{URN}/../{MARK}",
        f"functiongraph:{URN}:latest:{MARK}:x",
        f"functiongraph:urn:fss:{MARK}:{estate.PROJECT_ID.upper()}:function:default:worker",
    ],
)
def test_everything_else_is_refused_by_name_and_without_its_value(stage: Stage, queue: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        stage.service(stage.environ(RESTORE_POINT_QUEUE=queue, **FUNCTIONS))
    assert refused.value.setting in ("RESTORE_POINT_QUEUE", "K_SINK")
    assert MARK not in str(refused.value)


@pytest.mark.parametrize(
    ("more", "setting"),
    [
        ({"RESTORE_POINT_LEDGER": "memory"}, ("RESTORE_POINT_QUEUE", "RESTORE_POINT_LEDGER")),
        ({"RESTORE_POINT_SQS_ENDPOINT": f"http://{MARK}.example.com"}, ("RESTORE_POINT_SQS_ENDPOINT",)),
        ({"RESTORE_POINT_SQS_ENDPOINT": f"https://{MARK}@x.example.com"}, ("RESTORE_POINT_SQS_ENDPOINT",)),
        ({"RESTORE_POINT_SQS_ENDPOINT": f"https://x.example.com/{MARK}?x=1"}, ("RESTORE_POINT_SQS_ENDPOINT",)),
        ({"RESTORE_POINT_SQS_ENDPOINT": MARK}, ("RESTORE_POINT_SQS_ENDPOINT",)),
        ({"RESTORE_POINT_QUEUE": "sink", "K_SINK": f"http://{MARK}.example.com"}, ("RESTORE_POINT_QUEUE", "K_SINK")),
        ({"RESTORE_POINT_QUEUE": "sink", "K_SINK": f"https://{MARK}@x.example.com"}, ("RESTORE_POINT_QUEUE", "K_SINK")),
        ({"AWS_ACCESS_KEY_ID": ""}, ("RESTORE_POINT_QUEUE", "AWS_ACCESS_KEY_ID")),
        ({"AWS_SECRET_ACCESS_KEY": ""}, ("RESTORE_POINT_QUEUE", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
    ],
)
def test_what_it_needs_is_refused_by_its_own_name(stage: Stage, more: dict[str, str], setting: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured) as refused:
        stage.service(stage.environ(**more))
    assert refused.value.setting in setting
    assert MARK not in str(refused.value)
