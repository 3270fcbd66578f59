"""The vectors were made by other people's signers: the official Go and Python SDKs, gophertelekomcloud, and AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from handlers import signing

RECORDINGS = Path(__file__).parent / "recordings"
ACCESS_KEY = "AKEXAMPLE0000000TEST"
SECRET_KEY = "skExampleExampleExampleExampleExample0000"


def load(name: str) -> Any:
    return json.loads((RECORDINGS / name).read_text(encoding="utf-8"))


def named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


CURRENT = load("sdk-hmac-sha256-vectors.json")
OLDER = load("legacy-credential-signing-vectors.json")["vectors"]
RECORDED = load("huaweicloudsdk-cbr-aksk.json")["steps"]


@pytest.mark.parametrize("vector", CURRENT["vectors"], ids=named)
def test_the_current_form_agrees_with_the_official_sdks(vector: dict[str, Any]) -> None:
    query = [(key, value) for key, value in vector["query"]]
    canonical = signing.canonical_request(
        vector["method"],
        vector["path"],
        query,
        vector["headers"],
        vector["signed_headers"],
        signing.payload_hash(vector["body_utf8"].encode()),
    )
    text = signing.string_to_sign(vector["headers"]["X-Sdk-Date"], canonical)
    assert canonical == vector["canonical_request"]
    assert text == vector["string_to_sign"]
    assert signing.signature(CURRENT["secret_key"], text) == vector["signature"]


@pytest.mark.parametrize("vector", [v for v in CURRENT["vectors"] if "Host" in v["headers"]], ids=named)
def test_sign_writes_the_whole_authorization_header(vector: dict[str, Any]) -> None:
    sent = dict(vector["headers"])
    host, date = sent.pop("Host"), sent.pop("X-Sdk-Date")
    query = signing.query_string([(key, value) for key, value in vector["query"]])
    added = signing.sign(
        vector["method"],
        f"https://{host}{vector['path']}" + (f"?{query}" if query else ""),
        sent,
        vector["body_utf8"].encode(),
        access_key=CURRENT["access_key"],
        secret_key=CURRENT["secret_key"],
        now=datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC),
    )
    assert added == {"X-Sdk-Date": date, "Authorization": vector["authorization"]}


@pytest.mark.parametrize("vector", OLDER, ids=named)
def test_the_older_form_agrees_with_gophertelekomcloud(vector: dict[str, Any]) -> None:
    scope = f"20060102/{vector['region']}/{vector['service']}/sdk_request"
    signed = sorted(name.lower() for name in vector["headers"])
    query = [(key, value) for key, value in vector["query"]]
    hashed = signing.payload_hash(vector["body_utf8"].encode())
    canonical = signing.canonical_request(vector["method"], vector["path"], query, vector["headers"], signed, hashed)
    text = signing.string_to_sign(vector["headers"]["X-Sdk-Date"], canonical, scope)
    assert canonical == vector["canonical_request"]
    assert text == vector["string_to_sign"]
    assert signing.signing_key(vector["secret_key"], scope).hex() == vector["signing_key_hex"]
    assert signing.signature(vector["secret_key"], text, scope) == vector["signature"]


@pytest.mark.parametrize("step", RECORDED, ids=named)
def test_what_the_official_sdk_sent_is_signed_to_the_same_letters(step: dict[str, Any]) -> None:
    (request,) = step["requests"]
    headers = dict(request["headers"])
    # the SDK lets requests add these after signing
    unsigned = ("Accept", "Accept-Encoding", "Connection", "Content-Length")
    given = {k: v for k, v in headers.items() if k not in (*unsigned, "Authorization", "Host", "X-Sdk-Date")}
    security_token = given.pop("X-Security-Token", "")
    added = signing.sign(
        request["method"],
        f"http://{headers['Host']}{request['target']}",
        given,
        request["body_utf8"].encode(),
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        now=datetime.strptime(headers["X-Sdk-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        security_token=security_token,
    )
    expected = {"X-Sdk-Date": headers["X-Sdk-Date"], "Authorization": headers["Authorization"]}
    assert added == (expected | {"X-Security-Token": security_token} if security_token else expected)
    path, _, query = request["target"].partition("?")
    assert signing.query_string(parse_qsl(query)) == query, path


def test_recordings_with_and_without_a_security_token_are_among_them() -> None:
    tokens = [dict(step["requests"][0]["headers"]).get("X-Security-Token") for step in RECORDED]
    assert len(tokens) == 11
    assert tokens.count("SECURITYTOKENEXAMPLE") == 1


def test_the_query_is_encoded_as_the_gateway_expects() -> None:
    pairs = [
        ("test", "一 (&=?!#%.*)"),
        ("path", "/tmp/123"),
        ("multi", "3"),
        ("multi", "1"),
        ("multi", "2"),
        ("limit", "1"),
        ("enable", "true"),
    ]
    assert signing.query_string(pairs) == (
        "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
    )


def signed_names(url: str, headers: dict[str, str], **options: Any) -> tuple[str, dict[str, str]]:
    now = options.pop("now", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC))
    added = signing.sign("GET", url, headers, b"", access_key="AccessKey", secret_key="SecretKey", now=now, **options)
    return added["Authorization"].split("SignedHeaders=")[1].split(",")[0], added


def test_names_with_an_underscore_are_not_signed() -> None:
    names, _ = signed_names("https://cbr.example/v3", {"x_trace": "1", "X-Project-Id": "p"})
    assert names == "host;x-project-id;x-sdk-date"


def test_the_security_token_is_sent_and_signed() -> None:
    names, added = signed_names("https://cbr.example/v3", {}, security_token="SECURITYTOKENEXAMPLE")
    assert names == "host;x-sdk-date;x-security-token"
    assert added["X-Security-Token"] == "SECURITYTOKENEXAMPLE"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://cbr.example/v3", "cbr.example"),
        ("https://cbr.example:443/v3", "cbr.example"),
        ("http://cbr.example:80/v3", "cbr.example"),
        ("https://cbr.example:80/v3", "cbr.example:80"),
        ("http://[::1]:8080/v3", "[::1]:8080"),
    ],
)
def test_the_host_is_signed_as_clients_send_it(url: str, host: str) -> None:
    assert signed_names(url, {})[1] == signed_names(url, {"Host": host})[1]
    assert signed_names(url, {})[1] != signed_names(url, {"Host": host + ".example"})[1]


def test_headers_are_trimmed_and_an_old_authorization_is_not_signed() -> None:
    plain = signed_names("https://cbr.example/v3", {"X-Project-Id": "p"})
    assert signed_names("https://cbr.example/v3", {"x-project-id": " p ", "Authorization": "old"}) == plain


def test_a_local_time_is_signed_as_utc() -> None:
    east = datetime(2006, 1, 2, 17, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert signed_names("https://cbr.example/v3", {}, now=east)[1]["X-Sdk-Date"] == "20060102T150405Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        signed_names("https://cbr.example/v3", {}, now=datetime(2006, 1, 2, 15, 4, 5))  # noqa: DTZ001


def test_a_content_hash_header_stands_in_for_the_body() -> None:
    arguments: dict[str, Any] = {
        "access_key": "AccessKey",
        "secret_key": "SecretKey",
        "now": datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC),
    }
    unsigned = {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    url = "https://cbr.example/v3"
    assert signing.sign("PUT", url, unsigned, b"a", **arguments) == signing.sign("PUT", url, unsigned, b"b", **arguments)
    assert signing.sign("PUT", url, {}, b"a", **arguments) != signing.sign("PUT", url, {}, b"b", **arguments)


def test_a_signed_header_that_is_missing_cannot_be_overlooked() -> None:
    with pytest.raises(KeyError):
        signing.canonical_request("GET", "/", [], {}, ["x-sdk-date"], signing.payload_hash(b""))


AWS = load("aws-sigv4-vectors.json")


@pytest.mark.parametrize("vector", AWS["vectors"], ids=named)
def test_signature_version_4_agrees_with_awss_test_suite(vector: dict[str, Any]) -> None:
    given = dict(vector["headers"])
    host = given.pop("Host")
    added = signing.sign_aws(
        vector["method"],
        f"https://{host}{vector['target']}",
        given,
        vector["body_utf8"].encode(),
        access_key=AWS["access_key"],
        secret_key=AWS["secret_key"],
        region=AWS["region"],
        service=AWS["service"],
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        security_token=vector["security_token"],
    )
    scope = f"{AWS['date'][:8]}/{AWS['region']}/{AWS['service']}/aws4_request"
    start = f"AWS4-HMAC-SHA256 Credential={AWS['access_key']}/{scope}, SignedHeaders="
    assert added["Authorization"].startswith(start)
    assert added["Authorization"].endswith(f", Signature={vector['signature']}")
    assert added.get("X-Amz-Security-Token", "") == vector["security_token"]
    assert added["X-Amz-Date"] == AWS["date"]


def test_the_test_suite_has_session_tokens_encoded_queries_and_bodies() -> None:
    vectors = AWS["vectors"]
    assert len(vectors) >= 28
    assert any(vector["security_token"] for vector in vectors)
    assert any("%E1%88%B4" in vector["target"] for vector in vectors)
    assert any(vector["body_utf8"] for vector in vectors)


def test_for_aws_too_a_time_without_a_zone_is_refused_and_an_old_authorization_is_not_signed() -> None:
    keys: dict[str, Any] = {"access_key": "AKIDEXAMPLE", "secret_key": "s", "region": "eu-central-1", "service": "dynamodb"}
    with pytest.raises(ValueError, match="time zone"):
        signing.sign_aws("POST", "https://dynamodb.example", {}, b"", now=datetime(2006, 1, 2), **keys)  # noqa: DTZ001
    now = datetime(2006, 1, 2, tzinfo=UTC)
    old = signing.sign_aws("POST", "https://dynamodb.example", {"Authorization": "old"}, b"", now=now, **keys)
    assert old == signing.sign_aws("POST", "https://dynamodb.example/", {}, b"", now=now, **keys)
