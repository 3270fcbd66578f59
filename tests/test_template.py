"""template.yaml: what CloudFormation will be told, held against what the code reads and promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from handlers.carriers.unwrapping import Carried
from handlers.credentials import AccessKey, Secret
from handlers.parts import TELLING_SECONDS
from handlers.service import Service
from handlers.settings import SECRET_LENGTH, load
from handlers.settings.kept import KEPT_SECONDS
from handlers.timers import SCHEDULER_INPUT, read_timer
from tests.aws.endpoint import ARN, SECRET, Endpoint, said
from tests.aws.template import (
    DOORS,
    FILE,
    FUNCTIONS,
    PARAMETERS,
    RESOURCES,
    ROOT,
    TEMPLATE,
    VARIABLES,
    events_of,
    of_type,
    schedules,
    walk,
)  # fmt: skip
from tests.runtime_api import LambdaFunction
from tests.scripted import event, world_in

WATCH_SECONDS = 300
KEYS_OF_SECRETS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "RESTORE_POINT_ALERT_TOKEN")
REFERENCE = re.compile(r"\$\{(?:Cloud|Alert)SecretArn\}#([A-Z_]+)")


def test_every_function_is_an_entry_that_imports_and_has_its_target() -> None:
    assert tuple(FUNCTIONS) == DOORS
    makefile = (ROOT / "handlers" / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^(build-[^:\n]+):", makefile, re.MULTILINE)[0].split()
    assert targets == [f"build-{name}" for name in DOORS]
    for name, function in FUNCTIONS.items():
        module, _, attribute = function["Handler"].rpartition(".")
        assert (module, attribute) == ("handlers.aws_lambda", name.lower())
        assert callable(getattr(import_module(module), attribute))
        assert RESOURCES[name]["Metadata"]["BuildMethod"] == "makefile"
        assert (function["CodeUri"], function["Runtime"]) == ("handlers/", "python3.13")


def test_how_alerts_are_reached_is_nobodys_default() -> None:
    assert PARAMETERS["AlertAccess"]["AllowedValues"] == ["proof", "iam"]
    assert "Default" not in PARAMETERS["AlertAccess"]


def test_wishes_are_kept_in_a_table_all_functions_share_unless_somebody_says_memory() -> None:
    assert PARAMETERS["Ledger"]["AllowedValues"] == ["dynamodb", "memory"]
    assert PARAMETERS["Ledger"]["Default"] == "dynamodb"
    assert TEMPLATE["Conditions"]["HasTable"] == {"Fn::Equals": [{"Ref": "Ledger"}, "dynamodb"]}
    table = RESOURCES["LedgerTable"]
    assert (table["Condition"], table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("HasTable", "Retain", "Retain")
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    # tests/ledger creates its tables from these properties and sends every verb to them


def test_with_memory_there_is_one_instance_whatever_is_asked_for_and_the_template_says_so() -> None:
    asked = PARAMETERS["ReservedConcurrency"]
    assert (asked["Default"], asked["MinValue"], asked["MaxValue"]) == (1, 1, 100)
    one = {"Fn::If": ["HasTable", {"Ref": "ReservedConcurrency"}, 1]}
    assert all(function["ReservedConcurrentExecutions"] == one for name, function in FUNCTIONS.items() if name != "Worker")
    assert RESOURCES["Worker"]["Condition"] == RESOURCES["Wishes"]["Condition"] == "HasTable"  # it finds nothing without one
    assert "memory" in TEMPLATE["Description"]
    assert len(TEMPLATE["Description"].encode()) <= 1024


def test_only_alerts_have_a_url_and_it_is_open_only_where_somebody_said_so() -> None:
    assert of_type("AWS::Lambda::Url") == {
        "AlertUrl": {
            "TargetFunctionArn": {"Fn::GetAtt": ["Alert", "Arn"]},
            "AuthType": {"Fn::If": ["AlertByProof", "NONE", "AWS_IAM"]},
        }
    }
    assert TEMPLATE["Conditions"]["AlertByProof"] == {"Fn::Equals": [{"Ref": "AlertAccess"}, "proof"]}
    assert [key for key, _ in walk(TEMPLATE)].count("AuthType") == 1
    assert not [key for key, _ in walk(TEMPLATE) if key == "FunctionUrlConfig"]
    permissions = {name: each for name, each in RESOURCES.items() if each["Type"] == "AWS::Lambda::Permission"}
    assert {each["Properties"]["Action"] for each in permissions.values()} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }
    for each in permissions.values():
        assert each["Condition"] == "AlertByProof"
        assert each["Properties"]["FunctionName"] == {"Ref": "Alert"}
        assert each["Properties"].get("FunctionUrlAuthType") == "NONE" or each["Properties"]["InvokedViaFunctionUrl"] is True


def test_an_event_that_is_given_up_is_kept() -> None:
    queue = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    for function in FUNCTIONS.values():
        assert function["DeadLetterQueue"] == {"Type": "SQS", "TargetArn": queue}
        assert function["EventInvokeConfig"] == {"MaximumEventAgeInSeconds": 21600, "MaximumRetryAttempts": 2}
    for schedule in schedules().values():
        assert schedule["DeadLetterConfig"] == {"Arn": queue}
        assert schedule["RetryPolicy"]["MaximumRetryAttempts"] >= 2
    letters = RESOURCES["DeadLetters"]
    assert letters["Properties"] == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 86400}
    assert letters["DeletionPolicy"] == letters["UpdateReplacePolicy"] == "Retain"
    assert events_of("SNS")["Published"]["RedrivePolicy"] == {"deadLetterTargetArn": queue}
    assert RESOURCES["Wishes"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"] == queue
    (statement,) = RESOURCES["DeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Alerts"}}}


def test_the_queue_hands_out_what_the_worker_can_take_and_takes_back_what_it_could_not() -> None:
    handed, wishes = events_of("SQS")["Handed"], RESOURCES["Wishes"]["Properties"]
    assert handed["Queue"] == {"Fn::GetAtt": ["Wishes", "Arn"]}
    assert (handed["BatchSize"], handed["FunctionResponseTypes"]) == (10, ["ReportBatchItemFailures"])
    concurrency = {"Ref": "WorkerConcurrency"}
    assert handed["ScalingConfig"]["MaximumConcurrency"] == FUNCTIONS["Worker"]["ReservedConcurrentExecutions"] == concurrency
    assert PARAMETERS["WorkerConcurrency"]["MinValue"] == 2  # SQS's least
    assert wishes["VisibilityTimeout"] >= 6 * PARAMETERS["TimeoutSeconds"]["MaxValue"]
    assert wishes["SqsManagedSseEnabled"] is True
    assert VARIABLES["RESTORE_POINT_QUEUE"] == {"Fn::If": ["HasTable", {"Fn::Sub": "sqs:${Wishes}"}, {"Ref": "AWS::NoValue"}]}


def test_the_schedules_say_what_the_code_reads() -> None:
    found = schedules()
    nightly = found["Nightly"]
    assert nightly["Input"] == SCHEDULER_INPUT
    source = TEMPLATE["Outputs"]["TimerSource"]["Value"]["Fn::Sub"]
    assert source.endswith(":schedule/default/" + nightly["Name"]["Fn::Sub"])
    fired = nightly["Input"].replace("<aws.scheduler.schedule-arn>", source)
    assert (
        read_timer(Carried(json.loads(fired.replace("<aws.scheduler.scheduled-time>", "2026-11-23T02:00:00Z")))).schedule
        == source
    )
    assert found["EveryFiveMinutes"]["ScheduleExpression"] == "rate(5 minutes)"
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": {"Ref": "ScheduleWindowMinutes"}}
    assert nightly["FlexibleTimeWindow"] == {"Fn::If": ["HasWindow", window, {"Mode": "OFF"}]}


def test_every_log_ends_and_nobody_can_turn_our_line_off() -> None:
    for name, function in FUNCTIONS.items():
        assert function["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": {"Ref": f"{name}Log"}}
        assert RESOURCES[f"{name}Log"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert isinstance(PARAMETERS["LogRetentionDays"]["Default"], int)
    assert "debug" not in FILE.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("logging", "kept"),
    [
        ({"AWS_LAMBDA_LOG_FORMAT": "Text"}, True),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}, False),  # why it is Text
    ],
)
def test_one_line_as_the_runtime_is_told_to_log(tmp_path: Path, logging: dict[str, str], kept: bool) -> None:
    with (
        world_in(tmp_path, datetime.now(UTC)) as world,
        LambdaFunction("handlers.aws_lambda.timer", env={**world.environ(), **logging}) as function,
    ):
        function.invoke(event(datetime.now(UTC)))
        lines = [json.loads(line) for line in function.stdout]
    assert [line["message"] for line in lines if "message" in line] == (["timer: 1 created"] if kept else [])


def told(value: Any) -> str:
    """What a function finds in a variable, with every parameter at its default."""
    match value:
        case {"Ref": name}:
            return str(PARAMETERS[name].get("Default", {"CloudRegion": "eu-de"}.get(name)))
        case {"Fn::Sub": text} if found := REFERENCE.fullmatch(text):
            return f"{ARN}#{found[1]}"
        case {"Fn::If": ["HasAlertSecret", there, {"Ref": "AWS::NoValue"}]}:
            return told(there)
        case {"Fn::If": ["HasTable", {"Fn::Sub": "dynamodb:${LedgerTable}"}, "memory"]}:
            return "dynamodb:stack-LedgerTable-1ABCDEFGHIJKL"
        case {"Fn::If": ["HasTable", {"Fn::Sub": "sqs:${Wishes}"}, {"Ref": "AWS::NoValue"}]}:
            return "sqs:https://sqs.eu-central-1.amazonaws.com/123456789012/stack-Wishes-1ABCDEFGHIJKL"
    raise AssertionError(value)


def test_the_code_takes_what_the_template_gives_and_a_claim_outlives_the_kill(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    token = '[senders.am]\ndialect = "alertmanager"\nproof = "bearer"\nsecret = "env:RESTORE_POINT_ALERT_TOKEN"\n'
    rules.write_text(token, encoding="utf-8")
    own = {
        "AWS_LAMBDA_FUNCTION_NAME": "timer",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "A",
        "AWS_SECRET_ACCESS_KEY": "S",
    }
    environ = {name: told(value) for name, value in VARIABLES.items()} | own
    with closing(Endpoint()) as secrets:
        secrets.answers = [(200, said(json.dumps(dict.fromkeys(KEYS_OF_SECRETS, SECRET))))]
        settings = load(environ | {"RESTORE_POINT_SECRETSMANAGER_ENDPOINT": secrets.origin}, str(rules))
    access = settings.projects["default"]
    assert access.credentials == AccessKey(SECRET, Secret(SECRET))
    assert (access.region, settings.ledger, settings.ledger_lasts) == ("eu-de", "dynamodb:stack-LedgerTable-1ABCDEFGHIJKL", True)
    assert set(settings.secrets) == {"am"}
    assert settings.settle_seconds == PARAMETERS["SettleSeconds"]["Default"]
    service = Service(settings)
    try:  # the claim's end is the run's end and this
        assert service.tools.settle_seconds == settings.settle_seconds + TELLING_SECONDS
    finally:
        service.close()
    timeout = PARAMETERS["TimeoutSeconds"]
    assert all(function["Timeout"] == {"Ref": "TimeoutSeconds"} for function in FUNCTIONS.values())
    assert PARAMETERS["SettleSeconds"]["MinValue"] >= 60
    assert TELLING_SECONDS < timeout["MinValue"] <= timeout["Default"] <= timeout["MaxValue"] < WATCH_SECONDS


def test_functions_are_given_no_secret_but_where_it_stands_and_may_read_it_there_alone() -> None:
    named = {found for value in VARIABLES.values() for found in REFERENCE.findall(json.dumps(value))}
    assert named == {*KEYS_OF_SECRETS}
    assert "resolve:" not in FILE.read_text(encoding="utf-8")
    assert not [key for key, _ in walk(TEMPLATE) if key == "NoEcho"]
    assert str(SECRET_LENGTH) in PARAMETERS["AlertSecretArn"]["Description"]
    assert str(KEPT_SECONDS // 60) == "5"
    assert "every five minutes" in PARAMETERS["CloudSecretArn"]["Description"]
    for name in ("FunctionRole", "WorkerRole"):
        policies = RESOURCES[name]["Properties"]["Policies"]
        granted = {each["PolicyName"]: each["PolicyDocument"]["Statement"] for each in policies if "PolicyName" in each}
        given = {each["Fn::If"][0]: each["Fn::If"][1]["PolicyDocument"]["Statement"] for each in policies if "Fn::If" in each}
        cloud, alerts, key = granted["cloud-secret"], given["HasAlertSecret"], given["HasSecretsKey"]
        read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue"}
        assert cloud == [read | {"Resource": {"Ref": "CloudSecretArn"}}]
        assert alerts == [read | {"Resource": {"Ref": "AlertSecretArn"}}]
        assert [(each["Action"], each["Resource"]) for each in key] == [("kms:Decrypt", {"Ref": "SecretsKeyArn"})]
        assert [*actions(policies)].count("secretsmanager:GetSecretValue") == 2


def test_every_parameter_is_described_and_bounded() -> None:
    for name, parameter in PARAMETERS.items():
        assert parameter["Description"], name
        assert {"AllowedValues", "AllowedPattern", "MaxValue"} & set(parameter), name
        if "AllowedPattern" in parameter and "Default" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"]), name
        if name.endswith("Arn"):
            key = "arn:aws:kms:eu-central-1:123456789012:key/0b1c2d3e-4f56-7890-abcd-ef0123456789"
            fits = {"SecretsKeyArn": key, "MessageTopicArn": "arn:aws:sns:eu-central-1:123456789012:ops"}.get(name, ARN)
            assert re.fullmatch(parameter["AllowedPattern"], fits)
            assert not re.fullmatch(parameter["AllowedPattern"], "HPUAFEXAMPLEKEY")


def test_rights_are_named_one_by_one() -> None:
    roles = of_type("AWS::IAM::Role")
    for name, function in FUNCTIONS.items():
        assert function["Role"] == {"Fn::GetAtt": ["WorkerRole" if name == "Worker" else "FunctionRole", "Arn"]}
    receives = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    assert [name for name, role in roles.items() if receives & {*actions(role)}] == ["WorkerRole"]
    assert receives < {*actions(roles["WorkerRole"])}  # what the event source needs
    allowed = receives | {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}
    allowed |= {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "lambda:InvokeFunction", "sts:AssumeRole"}
    allowed |= {"secretsmanager:GetSecretValue", "kms:Decrypt", "sns:Publish"}
    for role in roles.values():
        assert "ManagedPolicyArns" not in role
        assert {*actions(role)} <= allowed
        for key, value in walk(role):
            if key == "Resource":
                assert all(_of_this_stack(each) for each in (value if isinstance(value, list) else [value]))
    assert not [value for key, value in walk(TEMPLATE) if key == "Action" and "*" in str(value)]


def actions(role: Any) -> Iterator[str]:
    for key, value in walk(role):
        if key == "Action":
            yield from [value] if isinstance(value, str) else value


def _of_this_stack(resource: dict[str, Any]) -> bool:
    indexes = [
        f"${{LedgerTable.Arn}}/index/{each['IndexName']}"
        for each in RESOURCES["LedgerTable"]["Properties"]["LocalSecondaryIndexes"]
    ]
    given = resource.get("Ref") in ("CloudSecretArn", "AlertSecretArn", "SecretsKeyArn", "MessageTopicArn")
    return given or "Fn::GetAtt" in resource or resource.get("Fn::Sub") in indexes
