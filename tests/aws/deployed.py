"""template.yaml as it is deployed: what `sam build` made, put by `sam deploy` into an emulated AWS, with a sandbox as the cloud.

What the emulator (ministack 1.5) lacks is made up for here, from what the template says, and nowhere else:

- CloudFormation there drops a function's DeadLetterConfig;
- it keeps a parameter's number as text, and the event source then stands still over MaximumConcurrency;
- Scheduler there does not fill in <aws.scheduler.…> and looks at its schedules every ten seconds, see ``fire``;
- it grants what IAM would refuse, so roles are judged by tests/test_template.py alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import pytest

from handlers.ledger.dynamodb import SHARDS
from handlers.ledger.names import name_of
from handlers.sandbox import Sandbox, estate
from handlers.timers import SCHEDULER_INPUT
from tests.aws.emulator import ACCOUNT, REGION, AwsEmulator
from tests.aws.rules import STACK, TOKEN, VAULTS, rules
from tests.aws.template import FILE, ROOT
from tests.many.cloud import Moving, sandbox_of

PATIENCE = 60.0
"""Seconds that anything may take; it takes one or two on a machine with nothing else to do."""
Found = TypeVar("Found")


def minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def until(asked: Callable[[], Found], what: str, seconds: float = PATIENCE) -> Found:
    """Its first answer that is not empty."""
    ends = time.monotonic() + seconds
    while not (found := asked()):
        if time.monotonic() > ends:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return found


@dataclass
class Deployed:
    """The stack, by the logical names of template.yaml."""

    aws: AwsEmulator
    sandbox: Sandbox
    folder: Path
    outputs: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    fired_at: datetime = field(default_factory=minute)

    @property
    def built(self) -> Path:
        """What SAM made of it: a tree for each function."""
        return self.folder / "built"

    @property
    def rules(self) -> Path:
        return self.folder / "rules.toml"

    def build_and_deploy(self, sam: str) -> None:
        project = self.folder / "project"
        shutil.copytree(ROOT / "handlers", project / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(FILE, project)
        self.rules.write_text(rules(self.sandbox.endpoint), encoding="utf-8")
        given = {"PYTHON": sys.executable, "RULES": str(self.rules), "TARGET_PYTHON": self.aws.minor}
        self._sam(sam, "build", "--parallel", "--build-dir", str(self.built), cwd=project, more=given | {"ARCH": "x86_64"})
        keys = self.sandbox.environment()
        cloud = {name: keys[name] for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")}
        parameters = {
            "AlertAccess": "proof",
            "CloudSecretArn": self.secret("cloud", cloud),
            "AlertSecretArn": self.secret("alerts", {"RESTORE_POINT_ALERT_TOKEN": TOKEN}),
            "CloudRegion": estate.REGION,
            "CloudProjectId": keys["HUAWEICLOUD_SDK_PROJECT_ID"],
            "Architecture": "x86_64",
        }
        self._sam(
            sam, "deploy", "--template-file", str(self.built / "template.yaml"), "--stack-name", STACK, "--resolve-s3",
            "--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
            "--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items()), cwd=self.folder,
            more={"HOME": str(self.folder)},  # no ~/.aws of anybody's
        )  # fmt: skip
        self.outputs = self.aws.described(STACK, "DescribeStacks", "Outputs", "OutputKey", "OutputValue")
        self.names = self.aws.described(
            STACK, "DescribeStackResources", "StackResources", "LogicalResourceId", "PhysicalResourceId"
        )
        self._make_up_for_the_emulator()

    def _make_up_for_the_emulator(self) -> None:
        letters = {"DeadLetterConfig": {"TargetArn": self.queue_arn("DeadLetters")}}
        for name in ("Timer", "Alert", "Once", "Watch", "Worker"):
            self.aws.rest("lambda", "PUT", f"/2015-03-31/functions/{self.names[name]}/configuration", letters)
        self.source(ScalingConfig={"MaximumConcurrency": 2})

    def hand_out_again_after(self, seconds: int) -> None:
        """What Worker did not settle; 24 minutes are too long for a test."""
        hurried = {"VisibilityTimeout": f"{seconds}"}
        self.aws.ask("sqs", "SetQueueAttributes", QueueUrl=self.names["Wishes"], Attributes=hurried)

    def source(self, **changed: Any) -> None:
        """Change how the queue's messages reach Worker."""
        (mapping,) = self.aws.rest("lambda", "GET", "/2015-03-31/event-source-mappings/")["EventSourceMappings"]
        self.aws.rest("lambda", "PUT", f"/2015-03-31/event-source-mappings/{mapping['UUID']}", changed)

    def secret(self, name: str, values: dict[str, str]) -> str:
        made = self.aws.ask("secretsmanager", "CreateSecret", Name=name, SecretString=json.dumps(values))
        return str(made["ARN"])

    def rotate(self, name: str, values: dict[str, str]) -> None:
        self.aws.ask("secretsmanager", "PutSecretValue", SecretId=name, SecretString=json.dumps(values))

    def queue_arn(self, name: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.names[name].rpartition('/')[2]}"

    def invoke(self, name: str, event: object) -> dict[str, Any]:
        """And wait for what it returns."""
        return self.aws.rest("lambda", "POST", f"/2015-03-31/functions/{self.names[name]}/invocations", event)

    def invoke_later(self, name: str, event: object) -> None:
        path = f"/2015-03-31/functions/{self.names[name]}/invocations"
        self.aws.rest("lambda", "POST", path, event, X_Amz_Invocation_Type="Event")

    def publish(self, document: object) -> None:
        """To the stack's topic of alerts."""
        about = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": self.outputs["AlertTopic"]}
        self.aws.form("sns", about | {"Message": json.dumps(document)})

    def fire(self) -> None:
        """A schedule that fires once, now, what the stack's own fires at night; in its Input is what Scheduler fills in."""
        found = self.aws.rest("scheduler", "GET", f"/schedules/{STACK}-timer")
        target = found["Target"]
        assert target["Input"] == SCHEDULER_INPUT
        filled = target["Input"].replace("<aws.scheduler.schedule-arn>", found["Arn"])
        target["Input"] = filled.replace("<aws.scheduler.scheduled-time>", f"{self.fired_at:%Y-%m-%dT%H:%M:%SZ}")
        once = {"ScheduleExpression": f"at({datetime.now(UTC) - timedelta(seconds=1):%Y-%m-%dT%H:%M:%S})"}
        kept = {each: found[each] for each in ("FlexibleTimeWindow", "State")}
        self.aws.rest("scheduler", "POST", f"/schedules/{STACK}-timer-now", kept | once | {"Target": target})

    def messages(self, queue: str) -> list[str]:
        """Of a queue, all that can be seen now; they are gone from it then."""
        url, bodies = self.names[queue], list[str]()
        while found := self.aws.ask("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                bodies.append(each["Body"])
                self.aws.ask("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return bodies

    def send(self, queue: str, *bodies: str) -> None:
        """All at once, so that they are handed out together."""
        entries = [{"Id": f"{number}", "MessageBody": each} for number, each in enumerate(bodies)]
        self.aws.ask("sqs", "SendMessageBatch", QueueUrl=self.names[queue], Entries=entries)

    def unreadable_wish(self, cause: str) -> None:
        """Something in the ledger's table that no ledger wrote, where the wish of that cause would be."""
        name = name_of("wish", cause)
        item = {"shard": {"S": f"{crc32(name.encode()) % SHARDS}"}, "name": {"S": name}, "kind": {"S": "wish"}}
        self.aws.ask("dynamodb", "PutItem", TableName=self.outputs["LedgerTable"], Item=item)

    def printed(self, name: str) -> list[dict[str, Any]]:
        """The JSON lines of a function, from its own log group."""
        found = self.aws.ask("logs", "FilterLogEvents", logGroupName=self.names[f"{name}Log"])
        lines = [each["message"].strip() for each in found["events"]]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def messages_printed(self, name: str) -> list[str]:
        return [line["message"] for line in self.printed(name) if "message" in line]

    def posts(self, *vaults: str) -> int:
        """Attempts to create that the cloud itself saw, for these vaults."""
        return sum(each.body["checkpoint"]["vault_id"] in vaults for each in self.sandbox.posts())

    def restore_points(self, *vaults: str) -> int:
        return sum(each["vault_id"] in vaults for each in self.sandbox.restore_points())

    def _sam(self, *command: str, cwd: Path, more: dict[str, str] | None = None) -> None:
        own = {"SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL": self.aws.origin, "AWS_DEFAULT_REGION": REGION}
        own |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
        environ = {**os.environ, **own, **(more or {})}
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def deploy(folder: Path) -> Deployed:
    """Skips where there is no SAM or no emulator."""
    if not (sam := os.environ.get("RESTORE_POINT_SAM")):
        pytest.skip("AWS SAM: set RESTORE_POINT_SAM to its command")
    deployed = Deployed(AwsEmulator(), sandbox_of(VAULTS, Moving()), folder)
    try:
        deployed.sandbox.start()
        deployed.aws.start()
        deployed.build_and_deploy(sam)
        deployed.fire()
    except BaseException:
        stop(deployed)
        raise
    return deployed


def stop(deployed: Deployed) -> None:
    deployed.aws.stop()
    deployed.sandbox.stop()
