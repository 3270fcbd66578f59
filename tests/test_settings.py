"""Environment and rules file become one frozen value, or start fails naming what to change: design, section 4."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from handlers.credentials import AccessKey, Secret
from handlers.errors import Misconfigured
from handlers.settings import Access, Settings, find_rules, load, served

ERP = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
PROJECT = "f841e01fd2b14e7fa41b6ae7aa6b0594"

# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"

KEYS = {"HUAWEICLOUD_SDK_AK": "the-key", "HUAWEICLOUD_SDK_SK": CANARY}
IN_REGION = KEYS | {"HW_REGION_NAME": "eu-de"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, and a home of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


def rules(folder: Path, text: str = "", name: str = "rules.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def access(environ: dict[str, str], folder: Path, project: str = "") -> Access:
    """The one project, with these lines in its table."""
    file = rules(folder, f"[projects.prod]\n{project}\n", "access.toml")
    (found,) = load(environ, str(file)).projects.values()
    return found


def refused(environ: dict[str, str], file: Path | str | None = None) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        load(environ, str(file) if file else None)
    assert CANARY not in str(caught.value)
    return caught.value


# --- which rules file -------------------------------------------------------------------------------------------------


def test_the_first_rules_file_of_three_places_is_read(home: Path, tmp_path: Path) -> None:
    given, named = rules(tmp_path, name="given.toml"), rules(tmp_path, name="named.toml")
    here = rules(home)
    environ = {"RESTORE_POINT_RULES": str(named)}
    assert find_rules(environ, str(given)) == given
    assert find_rules(environ, None) == named
    found = find_rules({}, None)
    assert found is not None
    assert found.resolve() == here.resolve()


@pytest.mark.usefixtures("home")
def test_no_rules_file_is_no_rules() -> None:
    settings = load(IN_REGION)
    assert (settings.rules_file, settings.rules.rules, list(settings.projects)) == ("", (), ["default"])


def test_a_file_that_was_named_must_be_there(home: Path) -> None:
    rules(home)  # is there, but was not the one asked for
    assert refused(IN_REGION, "missing.toml").setting == "--rules"
    assert refused(IN_REGION | {"RESTORE_POINT_RULES": "missing.toml"}).setting == "RESTORE_POINT_RULES"
    assert "missing.toml" in refused(IN_REGION, home / "missing.toml").message
    assert refused(IN_REGION, home).setting == "--rules"  # a directory
    assert refused(IN_REGION, "a" * 300).setting == "--rules"  # no file system has such a name
    assert refused(IN_REGION, rules(home) / "below").setting == "--rules"


def test_settings_are_frozen_and_show_no_secret(home: Path) -> None:
    settings = load(IN_REGION, str(rules(home, f'[vaults.erp]\nid = "{ERP}"\n')))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.ledger = "memory"  # type: ignore[misc]
    assert CANARY not in repr(settings)
    assert settings.rules.vaults["erp"].id == ERP
    assert settings.projects["default"].credentials == AccessKey("the-key", Secret(CANARY))


# --- where the services are ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "project", "expected"),
    [
        (IN_REGION, "", "https://{}.eu-de.myhuaweicloud.com"),
        (KEYS | {"OS_REGION_NAME": "cn-north-4"}, "", "https://{}.cn-north-4.myhuaweicloud.com"),
        (KEYS, 'region = "ap-southeast-3"', "https://{}.ap-southeast-3.myhuaweicloud.com"),
        (IN_REGION, 'region = "eu-nl"\ncloud = "otc"', "https://{}.eu-nl.otc.t-systems.com"),
        (IN_REGION, 'cloud = "otc"', "https://{}.eu-de.otc.t-systems.com"),
        (IN_REGION | {"OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com/v3"}, "", "https://{}.eu-de.otc.t-systems.com"),
        (IN_REGION | {"OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com:443"}, 'cloud = "otc"', None),
    ],
)
def test_region_and_cloud_name_the_hosts(home: Path, environ: dict[str, str], project: str, expected: str | None) -> None:
    found = access(environ, home, project)
    if expected:
        assert (found.cbr, found.iam, found.smn) == tuple(expected.format(service) for service in ("cbr", "iam", "smn"))
    else:
        assert found.iam == "https://iam.eu-de.otc.t-systems.com:443"
        assert found.cbr == "https://cbr.eu-de.otc.t-systems.com"


def test_the_official_sdks_variables_name_region_and_endpoints(home: Path) -> None:
    environ = KEYS | {
        "HUAWEICLOUD_SDK_REGION_CBR_EU_DE": "https://cbr.example.com",
        "HUAWEICLOUD_SDK_REGION_SMN_EU_DE": "https://smn.example.com/",
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": "https://iam.example.com:8443/v3",
        "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT,
    }
    found = access(environ, home)
    assert (found.region, found.project_id) == ("eu-de", PROJECT)
    assert (found.cbr, found.smn, found.iam) == (
        "https://cbr.example.com",
        "https://smn.example.com",
        "https://iam.example.com:8443",
    )


def test_the_endpoint_of_another_region_is_not_taken(home: Path) -> None:
    environ = IN_REGION | {"HUAWEICLOUD_SDK_REGION_CBR_EU_NL": "https://cbr.example.com"}
    assert access(environ, home).cbr == "https://cbr.eu-de.myhuaweicloud.com"


@pytest.mark.usefixtures("home")
def test_two_endpoints_of_the_sdk_name_no_region() -> None:
    environ = KEYS | {f"HUAWEICLOUD_SDK_REGION_CBR_EU_{end}": "https://cbr.example.com" for end in ("DE", "NL")}
    problem = refused(environ)
    assert problem.setting == "projects.default.region"
    assert "HW_REGION_NAME" in problem.message


def test_the_rules_go_before_the_environment(home: Path) -> None:
    environ = IN_REGION | {
        "HUAWEICLOUD_SDK_REGION_CBR_EU_DE": "https://cbr.example.com",
        "OS_AUTH_URL": "https://iam.example.com/v3",
        "HW_PROJECT_ID": PROJECT,
    }
    lines = [
        'endpoint = "https://a.example.com"',
        'iam_endpoint = "https://b.example.com"',
        'smn_endpoint = "https://c.example.com"',
        f'project_id = "{PROJECT[::-1]}"',
    ]
    found = access(environ, home, "\n".join(lines))
    assert (found.cbr, found.iam, found.smn) == tuple(f"https://{letter}.example.com" for letter in "abc")
    assert found.project_id == PROJECT[::-1]


def test_the_project_is_looked_up_by_its_name_else_by_the_region(home: Path) -> None:
    assert access(IN_REGION, home).project_name == "eu-de"
    assert access(IN_REGION | {"OS_PROJECT_NAME": "eu-de_erp"}, home).project_name == "eu-de_erp"


@pytest.mark.usefixtures("home")
def test_without_a_region_there_are_no_hosts() -> None:
    problem = refused(KEYS)
    assert problem.setting == "projects.default.region"
    assert "HW_REGION_NAME" in problem.message


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://cbr.example.com", "https://cbr.example.com"),
        ("https://CBR.Example.com/", "https://cbr.example.com"),
        (" https://cbr.example.com:8443/v3 ", "https://cbr.example.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://127.9.9.9", "https://127.9.9.9"),
    ],
)
def test_an_endpoint_is_an_origin(home: Path, url: str, origin: str) -> None:
    assert access(IN_REGION, home, f'endpoint = "{url}"').cbr == origin
    assert access(IN_REGION | {"HUAWEICLOUD_SDK_REGION_CBR_EU_DE": url}, home).cbr == origin


BAD_ENDPOINTS = {
    # reliability.md, H68: http, path, query, user, address, trailing dot
    f"http://{CANARY}.example.com": "https://",
    "http://127.0.0.1.example.com": "https://",
    "http://127.example.com": "https://",
    "http://localhost.example.com": "https://",
    "http://0.0.0.0": "loopback",
    "http://2130706433": "loopback",
    "http://0x7f.1": "loopback",
    "http://127.0.0.256": "loopback",
    "http://[::2]": "without path or user",
    "https://192.0.2.1": "loopback",
    "https://[2001:db8::1]": "without path or user",
    "https://cbr.example.com.": "without path or user",
    f"https://cbr.example.com/{CANARY}": "without path or user",
    f"https://cbr.example.com?{CANARY}": "without path or user",
    f"https://cbr.example.com#{CANARY}": "without path or user",
    f"https://{CANARY}@cbr.example.com": "without path or user",
    f"https://ops:{CANARY}@cbr.example.com": "without path or user",
    f"https://:{CANARY}@cbr.example.com": "without path or user",
    "https://@cbr.example.com": "without path or user",
    r"https://cbr.example.com\\@evil.example": "without path or user",
    r"https://cbr.example.com\\.evil.example": "without path or user",
    "https://cbr example.com": "without path or user",
    "https://cbr.ex\u0430mple.com": "without path or user",
    "https://": "without path or user",
    "https:///v3": "without path or user",
    "cbr.example.com": "without path or user",
    CANARY: "without path or user",
    "//cbr.example.com": "https://",
    "ftp://cbr.example.com": "https://",
    "file:///etc/passwd": "without path or user",
    "https://cbr.example.com:0": "without path or user",
    "https://cbr.example.com:99999": "is no URL",
    "https://cbr.example.com:x": "is no URL",
    "https://[::1": "is no URL",
}


@pytest.mark.parametrize("url", BAD_ENDPOINTS)
def test_no_other_endpoint_is_spoken_to(home: Path, url: str) -> None:
    for key in ("endpoint", "iam_endpoint", "smn_endpoint"):
        problem = refused(IN_REGION, rules(home, f'[projects.prod]\n{key} = "{url}"\n'))
        assert problem.setting == f"projects.prod.{key}"
        assert BAD_ENDPOINTS[url] in problem.message
    plain = url.replace("\\\\", "\\")
    for name in (
        "HUAWEICLOUD_SDK_REGION_CBR_EU_DE",
        "HUAWEICLOUD_SDK_REGION_SMN_EU_DE",
        "HUAWEICLOUD_SDK_IAM_ENDPOINT",
        "OS_AUTH_URL",
    ):
        problem = refused(IN_REGION | {name: plain}, rules(home))
        assert problem.setting == name
        assert BAD_ENDPOINTS[url] in problem.message


# --- several projects -------------------------------------------------------------------------------------------------


def test_each_project_has_its_own_credentials_and_hosts(home: Path) -> None:
    text = """
    [projects.prod]
    credentials = "env:PROD_"
    cloud = "otc"
    requests_per_second = 50
    agency = "backup-operator"
    agency_domain = "our-account"
    [projects.test]
    region = "eu-nl"
    """
    environ = IN_REGION | {
        "PROD_HW_ACCESS_KEY": "prod-key",
        "PROD_HW_SECRET_KEY": CANARY,
        "PROD_HW_REGION_NAME": "eu-de",
        "PROD_HW_PROJECT_ID": PROJECT,
        "PROD_OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com/v3",
    }
    found = load(environ, str(rules(home, text))).projects
    assert list(found) == ["prod", "test"]
    prod, test = found["prod"], found["test"]
    assert prod.credentials == AccessKey("prod-key", Secret(CANARY))
    assert (prod.name, prod.region, prod.project_id) == ("prod", "eu-de", PROJECT)
    assert (prod.cbr, prod.iam) == ("https://cbr.eu-de.otc.t-systems.com", "https://iam.eu-de.otc.t-systems.com")
    assert (prod.agency, prod.agency_domain, prod.requests_per_second) == ("backup-operator", "our-account", 50.0)
    assert test.credentials == AccessKey("the-key", Secret(CANARY))
    assert (test.cbr, test.project_id, test.agency, test.requests_per_second) == (
        "https://cbr.eu-nl.myhuaweicloud.com",
        "",
        "",
        5.0,
    )


def test_a_prefix_without_variables_names_them(home: Path) -> None:
    problem = refused(IN_REGION, rules(home, '[projects.prod]\ncredentials = "env:PROD_"\n'))
    assert problem.setting == "PROD_HUAWEICLOUD_SDK_AK"


def test_a_prefix_has_a_region_of_its_own(home: Path) -> None:
    environ = IN_REGION | {"PROD_HW_ACCESS_KEY": "a", "PROD_HW_SECRET_KEY": CANARY}
    problem = refused(environ, rules(home, '[projects.prod]\ncredentials = "env:PROD_"\n'))
    assert problem.setting == "projects.prod.region"
    assert "PROD_HW_REGION_NAME" in problem.message


# --- ledger and spans -------------------------------------------------------------------------------------------------


def test_on_one_machine_the_ledger_is_a_file_that_can_be_made(home: Path, tmp_path: Path) -> None:
    """A fresh machine has no such directory, and the first restore point must not fail for it."""
    assert load(IN_REGION).ledger == f"sqlite:{tmp_path}/home/.local/state/restore-point/ledger.sqlite3"
    state = tmp_path / "state"
    assert load(IN_REGION | {"XDG_STATE_HOME": str(state)}).ledger == f"sqlite:{state}/restore-point/ledger.sqlite3"
    folder = state / "restore-point"
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    assert load(IN_REGION | {"XDG_STATE_HOME": str(state)}).ledger.endswith("ledger.sqlite3")  # and again
    assert list(home.iterdir()) == []


def test_a_home_that_cannot_be_written_is_left_to_the_ledger(home: Path) -> None:
    file = rules(home)
    assert load(IN_REGION | {"XDG_STATE_HOME": str(file)}).ledger == f"sqlite:{file}/restore-point/ledger.sqlite3"


@pytest.mark.parametrize(
    ("variable", "platform"),
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"),
        ("K_SERVICE", "Knative or Cloud Run"),
        ("RUNTIME_FUNC_NAME", "FunctionGraph"),
    ],
)
def test_on_a_serverless_platform_the_ledger_is_chosen_by_name(home: Path, variable: str, platform: str) -> None:
    problem = refused(IN_REGION | {variable: "nightly"}, rules(home))
    assert problem.setting == "RESTORE_POINT_LEDGER"
    assert platform in problem.message
    assert "choose one by name" in problem.message
    chosen = load(IN_REGION | {variable: "nightly", "RESTORE_POINT_LEDGER": " sqlite:/mnt/ledger "}, str(rules(home)))
    assert chosen.ledger == "sqlite:/mnt/ledger"
    assert not (home.parent / "home").exists()


def test_the_spans_have_defaults_and_limits(home: Path) -> None:
    def spans(**environ: str) -> Settings:
        return load(IN_REGION | environ, str(rules(home)))

    assert (spans().settle_seconds, spans().follow_seconds, spans().ca_file) == (120.0, 60.0, "")
    found = spans(RESTORE_POINT_SETTLE_SECONDS="0", RESTORE_POINT_FOLLOW_SECONDS="3600", RESTORE_POINT_CA_FILE=str(rules(home)))
    assert (found.settle_seconds, found.follow_seconds, found.ca_file) == (0.0, 3600.0, str(home / "rules.toml"))
    assert refused(IN_REGION | {"RESTORE_POINT_CA_FILE": "/nowhere.pem"}, rules(home)).setting == "RESTORE_POINT_CA_FILE"


@pytest.mark.parametrize("text", ["", CANARY, "-1", "1.5", "1e3", "3601", "60s", " 60", "\u0661", "9" * 5000])
@pytest.mark.parametrize("name", ["RESTORE_POINT_SETTLE_SECONDS", "RESTORE_POINT_FOLLOW_SECONDS"])
def test_a_span_is_a_whole_number_of_seconds(home: Path, name: str, text: str) -> None:
    problem = refused(IN_REGION | {name: text}, rules(home))
    assert problem.setting == name
    assert "at most 3600" in problem.message


def test_only_the_environment_that_is_given_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HW_ACCESS_KEY", CANARY)
    monkeypatch.setenv("HW_SECRET_KEY", CANARY)
    assert load(IN_REGION, str(rules(home))).projects["default"].credentials == AccessKey("the-key", Secret(CANARY))
    for name in [name for name in os.environ if name.startswith(("HUAWEICLOUD_SDK_", "OS_", "RESTORE_POINT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HW_REGION_NAME", "eu-de")
    assert load(None, str(rules(home))).projects["default"].credentials == AccessKey(CANARY, Secret(CANARY))


SERVERS: dict[str, tuple[dict[str, str], list[str], str]] = {
    "a debugger, by the environment": ({"DEBUG": "1"}, [], "DEBUG"),
    "a debugger, by the command": ({}, ["--target", "main", "--debug"], "DEBUG"),
    "another kind of function": ({"FUNCTION_SIGNATURE_TYPE": "cloudevent"}, [], "FUNCTION_SIGNATURE_TYPE"),
    "another kind, by the command": ({}, ["--signature-type", "event"], "FUNCTION_SIGNATURE_TYPE"),
    "another kind, written together": ({}, ["--signature-type=typed", "--target=main"], "FUNCTION_SIGNATURE_TYPE"),
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("environ", "arguments", "named"), SERVERS.values(), ids=SERVERS.keys())
def test_a_server_that_would_show_what_it_was_sent_does_not_start(
    environ: dict[str, str], arguments: list[str], named: str
) -> None:
    with pytest.raises(Misconfigured, match=named):
        served(IN_REGION | environ, arguments)
    assert served(IN_REGION, ["--signature-type", "http", "--target", "main"]).rules_file == ""
