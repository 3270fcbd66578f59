"""Keys of a sender that do not go together, secrets that prove little, libraries that are not there: start says so, and ends."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import ValidationError

from handlers.documents import fault
from handlers.errors import Misconfigured
from handlers.rules import Rules
from handlers.settings import SECRET_LENGTH, Key, load, read_secrets
from tests.trust.making import ARN, URN, in_base64

ROOT = Path(__file__).parents[2]
GOOD: dict[str, dict[str, Any]] = {
    "bearer": {"secret": "env:S"},
    "basic": {"secret": "env:S"},
    "hmac": {"secret": "env:S", "scheme": "github"},
    "oidc": {"token": {"audience": "us", "email": "a@b.example"}},
    "sns": {"sources": [ARN]},
    "smn": {"sources": [URN]},
    "platform": {},
}
MORE: dict[str, Any] = {
    "secret": "env:S",
    "retiring": [{"secret": "env:OLD", "until": "2999"}],
    "scheme": "github",
    "token": GOOD["oidc"]["token"],
    "certificate": "file:/etc/topic.pem",
    "sources": [ARN],
    "paths": {"identity": ["a"]},
}
ALLOWED: dict[str, tuple[str, ...]] = {
    "secret": ("bearer", "basic", "hmac"),
    "retiring": ("bearer", "basic", "hmac"),
    "scheme": ("hmac",),
    "token": ("oidc",),
    "certificate": ("sns", "smn"),
    "sources": ("platform", "sns", "smn"),
    "paths": (),
}


def wrong(sender: dict[str, Any]) -> tuple[str, str] | None:
    """Key and sentence, or None where nothing is wrong."""
    from datetime import UTC, datetime

    if "retiring" in sender:
        sender = sender | {"retiring": [{"secret": "env:OLD", "until": datetime(2999, 1, 1, tzinfo=UTC)}]}
    try:
        Rules.model_validate({"senders": {"s": {"dialect": "simple"} | sender}})
    except ValidationError as error:
        return fault(error)
    return None


@pytest.mark.parametrize("proof", GOOD)
@pytest.mark.parametrize("key", MORE)
def test_a_key_goes_with_its_proofs_and_no_other(key: str, proof: str) -> None:
    found = wrong({"proof": proof, **GOOD[proof], key: GOOD[proof].get(key, MORE[key])})
    if proof in ALLOWED[key]:
        assert found is None
    else:
        assert found is not None
        assert found[0] == f"senders.s.{key}"
        assert "proof" in found[1] or "dialect" in found[1] or "secret" in found[1]


@pytest.mark.parametrize(
    ("proof", "key"),
    [("bearer", "secret"), ("basic", "secret"), ("hmac", "secret"), ("hmac", "scheme"), ("oidc", "token"), ("sns", "sources"),
     ("smn", "sources")],
)  # fmt: skip
def test_what_a_proof_needs(proof: str, key: str) -> None:
    given = {name: value for name, value in GOOD[proof].items() if name != key}
    found = wrong({"proof": proof, **given})
    assert found is not None
    assert found[0] == f"senders.s.{key}"


SNS, SMN = {"proof": "sns", "sources": [ARN]}, {"proof": "smn", "sources": [URN]}


def scheme(**changes: Any) -> dict[str, Any]:
    return {"proof": "hmac", "secret": "env:S", "scheme": {"header": "X-S"} | changes}


def token(**changes: Any) -> dict[str, Any]:
    return {"proof": "oidc", "token": {"audience": "us", "email": "a@b.example"} | changes}


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a topic of SMN for SNS": (SNS | {"sources": [URN]}, "sources", "arn:aws:sns"),
    "a topic of SNS for SMN": (SMN | {"sources": [ARN]}, "sources", "urn:smn"),
    "any topic of an account": (SNS | {"sources": [ARN.replace("alarms", "*")]}, "sources", "whose topic"),
    "a topic and something else": (SNS | {"sources": [ARN, "alarms"]}, "sources", "whose topic"),
    "no topic": (SNS | {"sources": []}, "sources", "must list the topics"),
    "a topic of two lines": (SNS | {"sources": [ARN + "\nx"]}, "sources", "whose topic"),
    "a certificate at an address": (SNS | {"certificate": "https://x.example/c.pem"}, "certificate", "file:/path"),
    "a scheme nobody has": (scheme() | {"scheme": "stripe"}, "scheme", ""),
    "a header that is none": (scheme(header="X S"), "scheme.header", ""),
    "a header of two lines": (scheme(header="X-S\r\nX"), "scheme", ""),
    "md5": (scheme(algorithm="md5"), "scheme.algorithm", ""),
    "no body": (scheme(signed="{timestamp}", timestamp_header="X-T"), "scheme.signed", ""),
    "the body twice": (scheme(signed="{body}{body}"), "scheme", ""),
    "something else in braces": (scheme(signed="{url}{body}"), "scheme", ""),
    "a time that is not signed": (scheme(timestamp_header="X-T"), "scheme.timestamp_header", "what is not signed proves nothing"),
    "a time from nowhere": (scheme(signed="{timestamp}.{body}"), "scheme.timestamp_header", "timestamp"),
    "an id that is not signed": (scheme(id_header="X-I"), "scheme.id_header", "what is not signed proves nothing"),
    "a prefix with the separator": (scheme(prefix="v1 ", separator=" "), "scheme.prefix", "no signature would ever be found"),
    "a prefix after a blank": (scheme(prefix=" v1"), "scheme.prefix", "no signature would ever be found"),
    "a window that is none": (scheme(window="0s"), "scheme.window", "time span"),
    "nobody's token in particular": ({"proof": "oidc", "token": {"audience": "us"}}, "token.email", "anybody whom"),
    "an issuer by another name": (
        {"proof": "oidc", "token": {"audience": "us", "issuer": "accounts.google.com"}}, "token.email", "anybody whom"
    ),
    "a window of a year": (scheme(window="366d"), "scheme.window", "3600"),
    "keys of Google for another issuer": (
        {"proof": "oidc", "token": {"audience": "us", "subject": "s", "issuer": "https://id.example"}},
        "token.keys",
        "other than Google",
    ),
    "no audience": (token(audience=""), "token", ""),
    "keys over http": (token(keys="http://keys.example/certs"), "token", "https URL or file:/path"),
    "keys with a user": (token(keys="https://u@keys.example/certs"), "token", "https URL or file:/path"),
    "keys without a path": (token(keys="https://keys.example"), "token", "https URL or file:/path"),
    "keys of a relative file": (token(keys="file:keys.json"), "token", "https URL or file:/path"),
    "an end without a zone": (
        {"proof": "bearer", "secret": "env:S", "retiring": [{"secret": "env:OLD", "until": "2999-01-01"}]}, "retiring", "",
    ),
    "five old secrets": ({"proof": "bearer", "secret": "env:S", "retiring": MORE["retiring"] * 5}, "retiring", ""),
    "an old secret in the file": (
        {"proof": "bearer", "secret": "env:S", "retiring": [{"secret": "the-secret-itself", "until": 1}]}, "retiring", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sender", "key", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_could_never_work_or_prove_nothing(sender: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Rules.model_validate({"senders": {"s": {"dialect": "simple"} | sender}})
    found, sentence = fault(caught.value)
    assert found.startswith(f"senders.s.{key}")
    assert says in sentence
    assert "the-secret-itself" not in sentence


def test_an_end_needs_its_zone() -> None:
    text = (
        '[senders.s]\ndialect = "simple"\nproof = "bearer"\nsecret = "env:S"\nretiring = [{{ secret = "env:OLD", until = {0} }}]'
    )
    for until in ("2999-01-01T00:00:00", "2999-01-01", '"2999-01-01T00:00:00Z"', "1"):
        with pytest.raises(ValidationError, match="with its zone"):
            Rules.model_validate(tomllib.loads(text.format(until)))
    rules = Rules.model_validate(tomllib.loads(text.format("2999-01-01T02:00:00+02:00")))
    assert rules.senders["s"].retiring[0].until.isoformat() == "2999-01-01T00:00:00+00:00"


LONG = "x" * SECRET_LENGTH
SECRETS: dict[str, tuple[str, str, str]] = {
    "none": ("bearer", "", "is not set"),
    "short": ("bearer", LONG[:-1], "at least 24 printable ASCII"),
    "no ASCII": ("bearer", LONG + "ü", "printable ASCII"),
    "two lines": ("bearer", f"{LONG}\n{LONG}", "printable ASCII"),
    "no user": ("basic", LONG, "user:password"),
    "an empty user": ("basic", f":{LONG}", "user:password"),
    "an empty password": ("basic", f"{LONG}:", "user:password"),
    "a short password": ("basic", f"{LONG}:{LONG[:-1]}", "user:password"),
    "whsec_ alone": ("standard-webhooks", "whsec_", "at least 24"),
    "whsec_ and few": ("standard-webhooks", f"whsec_{in_base64(b'x' * 23)}", "base64 of at least 24 bytes"),
    "no base64": ("standard-webhooks", "whsec_" + "!" * 40, "must hold base64"),
    "base64 for addresses": ("standard-webhooks", "whsec_" + "-_" * 20, "must hold base64"),
    "a public key": ("standard-webhooks", "whpk_" + in_base64(b"x" * 32), "must hold base64"),
}


def with_secrets(kind: str) -> Rules:
    proof = {"proof": "hmac", "scheme": kind} if kind == "standard-webhooks" else {"proof": kind}
    from datetime import UTC, datetime

    old = [{"secret": "env:OLD", "until": datetime(2999, 1, 1, tzinfo=UTC)}]
    return Rules.model_validate({"senders": {"s": {"dialect": "simple", "secret": "env:S", "retiring": old, **proof}}})


@pytest.mark.parametrize(("kind", "secret", "says"), SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_that_proves_little(kind: str, secret: str, says: str) -> None:
    good = {"bearer": LONG, "basic": f"user:{LONG}", "standard-webhooks": f"whsec_{in_base64(b'x' * 24)}"}[kind]
    assert len(read_secrets(with_secrets(kind), {"S": good, "OLD": good})["s"]) == 2
    for environ, where in (
        ({"S": secret, "OLD": good}, "senders.s.secret"),
        ({"S": good, "OLD": secret}, "senders.s.retiring[0]"),
    ):
        with pytest.raises(Misconfigured) as caught:
            read_secrets(with_secrets(kind), environ)
        assert where in str(caught.value)
        assert says in str(caught.value)
        assert not secret or secret not in str(caught.value)


def test_a_key_that_is_printed_says_no_secret() -> None:
    (key, _) = read_secrets(with_secrets("bearer"), {"S": LONG, "OLD": LONG})["s"]
    assert isinstance(key, Key)
    assert LONG not in repr(key)


WITHOUT = """
import sys
class Without:
    def __init__(self, finder): self._finder = finder
    def find_spec(self, name, *rest):
        return None if name.partition(".")[0] in {missing!r} else self._finder.find_spec(name, *rest)
    def __getattr__(self, name): return getattr(self._finder, name)
sys.meta_path[:] = [Without(each) for each in sys.meta_path]
from handlers.errors import Misconfigured
from handlers.settings import load
try:
    load({environ!r})
    print("started")
except Misconfigured as problem:
    print(problem)
assert not {{"jwt", "cryptography"}} & set(sys.modules)
"""


@pytest.mark.parametrize("missing", [("cryptography", "jwt"), ("cryptography",), ("jwt",)], ids=" and ".join)
@pytest.mark.parametrize("proof", ["oidc", "sns", "smn", "hmac"])
def test_start_names_the_extra_that_is_missing(tmp_path: Path, proof: str, missing: tuple[str, ...]) -> None:
    """And a service that needs none of the two never loads them."""
    lines = {
        "oidc": '[senders.s.token]\naudience = "us"\nemail = "a@b.example"',
        "sns": f'sources = ["{ARN}"]', "smn": f'sources = ["{URN}"]', "hmac": 'secret = "env:S"\nscheme = "github"',
    }[proof]  # fmt: skip
    rules = tmp_path / "rules.toml"
    rules.write_text(f'[senders.s]\ndialect = "simple"\nproof = "{proof}"\n{lines}\n', encoding="utf-8")
    keys = {"HUAWEICLOUD_SDK_AK": "A" * 20, "HUAWEICLOUD_SDK_SK": "s" * 40, "HW_REGION_NAME": "eu-de", "S": LONG}
    environ = keys | {"RESTORE_POINT_RULES": str(rules), "RESTORE_POINT_LEDGER": "memory"}
    code = WITHOUT.format(missing=missing, environ=environ)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if proof == "hmac":
        assert done.stdout == "started\n"
        return
    assert done.stdout.startswith(f'senders.s.proof: "{proof}" needs {" and ".join(missing)}: pip install')
    assert "[verify]" in done.stdout
    assert "pack --with verify" in done.stdout


def test_with_the_extra_it_starts(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(f'[senders.s]\ndialect = "simple"\nproof = "sns"\nsources = ["{ARN}"]\n', encoding="utf-8")
    keys = {"HUAWEICLOUD_SDK_AK": "A" * 20, "HUAWEICLOUD_SDK_SK": "s" * 40, "HW_REGION_NAME": "eu-de"}
    assert load(keys | {"RESTORE_POINT_RULES": str(rules), "RESTORE_POINT_LEDGER": "memory"}).secrets == {}
