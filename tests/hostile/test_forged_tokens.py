"""H50 to H55: tokens, what platforms and topics say, and who says it. Refused means 401, and not one call to anybody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.hostile.forging import BODY, Forge, now
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, QUEUE, TOPIC, simple
from tests.trust.making import ARN, claims, in_url, joined, mac, sns

rows = Rows(
    named={
        "H51": ["tests/test_trust.py::test_a_caller_whom_the_gateway_authenticated"],
        "H54": ["tests/trust/test_topics_signed.py::test_a_message_cannot_swallow_the_fields_after_it"],
        "H55": ["tests/cli/test_confirm.py::test_only_the_link_of_a_listed_topic_at_the_services_own_host_is_opened"],
    },
    waiting={},
)


@rows("H50", "H53")
def test_what_is_right_is_served(forged: Forge) -> None:
    forged.served("push", BODY, forged.token())
    forged.served("topic", forged.topic(), {})


def unsigned(algorithm: str) -> str:
    return joined({"alg": algorithm, "kid": "k1"}, claims(datetime.now(UTC))) + "."


def shared(key: bytes) -> str:
    text = joined({"alg": "HS256", "kid": "k1"}, claims(datetime.now(UTC)))
    return f"{text}.{in_url(mac(text.encode(), key))}"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


TOKENS: dict[str, Any] = {
    "H50 alg none": lambda _: bearer(unsigned("none")),
    "H50 alg nOnE": lambda _: bearer(unsigned("nOnE")),
    "H50 HS256 with the public key": lambda it: bearer(shared(it.own.public())),
    "H50 HS256 with the certificate": lambda it: bearer(shared(it.own.pem)),
    "H50 a kid that is a path": lambda it: it.token(header={"kid": "../../x"}),
    "H50 a kid that is an address": lambda it: it.token(header={"kid": f"http://{it.stage.evil}/x"}),
    "H50 no kid": lambda it: it.token(header={"kid": None}),
    "H50 no audience": lambda it: it.token(aud=None),
    "H50 another audience": lambda it: it.token(aud="https://other.example"),
    "H50 ended": lambda it: it.token(exp=int(now(-61))),
    "H50 not yet": lambda it: it.token(nbf=int(now(70))),
    "H50 from the future": lambda it: it.token(iat=int(now(70))),
    "H50 another issuer": lambda it: it.token(iss="https://accounts.example.com"),
    "H50 another account": lambda it: it.token(email="any@project.iam.gserviceaccount.com"),
    "H50 an address nobody verified": lambda it: it.token(email_verified=False),
    "H50 another key": lambda it: bearer(it.other.token(claims(datetime.now(UTC)))),
    "H50 a deep header": lambda _: bearer(f"{in_url(b'[' * 2000)}.e30.AA"),
    "H50 nothing but dots": lambda _: bearer(".."),
    "H50 the token as basic": lambda it: {"Authorization": "Basic " + it.token()["Authorization"][7:]},
    "H50 jku to us": lambda it: bearer(it.other.token(claims(datetime.now(UTC)), jku=f"http://{it.stage.evil}/keys")),
    "H50 x5u to us": lambda it: bearer(it.other.token(claims(datetime.now(UTC)), x5u=f"http://{it.stage.evil}/x.pem")),
    "H50 a key of its own": lambda it: bearer(it.other.token(claims(datetime.now(UTC)), jwk=it.other.jwk("k1"))),
}


@rows.cases("make", TOKENS)
def test_a_token_that_proves_nothing(forged: Forge, make: Any) -> None:
    forged.refused("push", BODY, make(forged))


AWS = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/eu-central-1/lambda/aws4_request, SignedHeaders={}, Signature={}"
SDK = "SDK-HMAC-SHA256 Access=AKIDEXAMPLE, SignedHeaders={}, Signature={}"
SIGNED: dict[str, dict[str, str]] = {
    "H51 SigV4": {"Authorization": AWS.format("host;x-amz-date", "0" * 64), "X-Amz-Date": "20261127T000000Z"},
    "H51 SigV4 without host": {"Authorization": AWS.format("x-amz-date", "0" * 64), "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"},
    "H51 SDK-HMAC": {"Authorization": SDK.format("host;x-sdk-date", "0" * 64), "X-Sdk-Date": "20261127T000000Z"},
    "H51 SDK-HMAC without a body": {"Authorization": SDK.format("", ""), "X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"},
    "H52 a load balancer's": {"X-Amzn-Oidc-Data": unsigned("ES256"), "X-Amzn-Oidc-Identity": "admin"},
    "H52 a gateway's": {"X-Apigateway-Api-Userinfo": "e30", "X-Forwarded-User": "admin", "X-Auth-Token": "t"},
    "H52 Google's": {"X-Goog-Iap-Jwt-Assertion": unsigned("ES256"), "X-Goog-Authenticated-User-Email": "a@b.example"},
    "H52 SMN's": {"X-SMN-TOPIC-URN": TOPIC, "X-SMN-MESSAGE-TYPE": "Notification"},
    "H52 SNS's": {"X-Amz-Sns-Topic-Arn": ARN, "X-Amz-Sns-Message-Type": "Notification"},
    "H52 a CloudEvent's": {"Ce-Specversion": "1.0", "Ce-Type": "x", "Ce-Source": QUEUE, "Ce-Id": "1"},
    "H52 Cloud Scheduler's": {"X-CloudScheduler": "true", "X-CloudScheduler-JobName": "nightly"},
}


@rows.cases("headers", SIGNED)
def test_what_anybody_can_write_into_a_header(forged: Forge, headers: dict[str, str]) -> None:
    for sender in ("direct", "alarms", "topic", "push", "hooks", "am"):
        forged.refused(sender, BODY, headers)
    forged.refused("cron", BODY, headers, door="timer")


FOREIGN = ARN.replace("123456789012", "210987654321")
MESSAGES: dict[str, Any] = {
    "H53 another account's topic": lambda it: it.topic(TopicArn=FOREIGN),
    "H53 another topic": lambda it: it.topic(TopicArn=ARN + "2"),
    "H53 ours in capitals": lambda it: it.topic(TopicArn=ARN.upper()),
    "H53 ours afterwards": lambda it: it.topic(TopicArn=FOREIGN) | {"TopicArn": ARN},
    "H53 somebody else's key": lambda it: sns(it.other, at=datetime.now(UTC), Message=json.dumps(simple())),
    "H53 another message": lambda it: it.topic() | {"Message": json.dumps(simple(host="erp-x"))},
    "H53 two hours old": lambda it: sns(it.own, at=datetime.now(UTC) - timedelta(hours=2)),
    "H53 in ten minutes": lambda it: sns(it.own, at=datetime.now(UTC) + timedelta(minutes=10)),
    "H53 another version": lambda it: it.topic(version="3"),
    "H53 no signature": lambda it: {name: value for name, value in it.topic().items() if name != "Signature"},
    "H53 an address of its own": lambda it: (
        sns(it.other, at=datetime.now(UTC))
        | {"SigningCertURL": f"http://{it.stage.evil}/SimpleNotificationService-{'0a' * 16}.pem"}
    ),
    "H54 a subject of two lines": lambda it: it.topic(Subject=f"x\nTimestamp\n{datetime.now(UTC).isoformat()}"),
    "H54 an id of two lines": lambda it: it.topic(MessageId="x\nSubject\ny"),
    "H54 a topic of two lines": lambda it: it.topic(TopicArn=f"{ARN}\nType\nNotification"),
    "H54 a type in small letters": lambda it: it.topic() | {"Type": "notification"},
    "H54 a type of two lines": lambda it: it.topic(Type="Notification\nx"),
    "H54 the topic under two names": lambda it: it.topic(TopicArn=FOREIGN) | {"topic_urn": ARN, "topicArn": ARN},
}


@rows.cases("make", MESSAGES)
def test_a_message_that_another_topic_could_have_sent(forged: Forge, make: Any) -> None:
    forged.refused("topic", make(forged), {})
    forged.refused("topic", make(forged), {"X-Amz-Sns-Message-Type": "Notification", "X-Amz-Sns-Topic-Arn": ARN})


@rows("H55")
@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
@pytest.mark.parametrize("place", ["https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription", "http://{evil}/confirm"])
def test_nobody_confirms_but_a_person(forged: Forge, kind: str, place: str) -> None:
    """Signed by the topic itself, or not: the link is told and never opened."""
    link = place.format(evil=forged.stage.evil)
    fields: dict[str, Any] = {"Type": kind, "Subject": None, "Token": "t" * 64, "SubscribeURL": link}
    with forged.stage.nothing_leaves():
        for said in forged.everywhere("topic", forged.topic(**fields), {}):
            assert said.status == 200
            assert said.words == ["skipped"]
    forged.refused("topic", sns(forged.other, at=datetime.now(UTC), **fields), {})


@rows("H51", "H52")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_sender_nobody_names_gets_the_same_answer(forged: Forge, platform: str) -> None:
    """Who guesses names learns nothing: of none, of one whose proof is wrong, of one at another door."""
    with forged.stage.nothing_leaves():
        said = {
            forged.stage.ask(platform, path, BODY, bearer="").text.partition('"delivery"')[0]
            for path in (
                "/alert/nobody",
                "/alert/hooks",
                "/alert/topic",
                "/alert/push",
                "/alert/direct",
                "/alert/jobs",
                "/once/am",
            )
        }
    assert len(said) == 1
    assert estate.ERP_VAULT_ID not in said.pop()
