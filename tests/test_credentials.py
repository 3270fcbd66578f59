"""Whose name we act in: design, section 4. Three families of variables; two that disagree are refused, and both are named."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.credentials import AccessKey, Credentials, GivenToken, Password, Secret, find
from handlers.errors import Misconfigured

PROJECT = "f841e01fd2b14e7fa41b6ae7aa6b0594"
OTHER = "00000000000000000000000000000001"

# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"

SDK = {"HUAWEICLOUD_SDK_AK": "the-key", "HUAWEICLOUD_SDK_SK": CANARY}
TERRAFORM = {"HW_ACCESS_KEY": "the-key", "HW_SECRET_KEY": CANARY}
OPENSTACK = {"OS_ACCESS_KEY": "the-key", "OS_SECRET_KEY": CANARY}
PASSWORD = {"OS_USERNAME": "ops", "OS_PASSWORD": CANARY, "OS_USER_DOMAIN_NAME": "our-account"}
TOKEN = {"OS_TOKEN": CANARY}

KEY = AccessKey("the-key", Secret(CANARY))
TEMPORARY = AccessKey("the-key", Secret(CANARY), Secret("session"))


def refused(environ: dict[str, str], prefix: str = "") -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        find(environ, prefix)
    assert CANARY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (SDK, KEY),
        (TERRAFORM, KEY),
        (OPENSTACK, KEY),
        (SDK | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "session"}, TEMPORARY),
        (TERRAFORM | {"HW_SECURITY_TOKEN": "session"}, TEMPORARY),
        (PASSWORD, Password("ops", Secret(CANARY), "our-account")),
        (TOKEN, GivenToken(Secret(CANARY))),
    ],
)
def test_each_family_is_an_identity(environ: dict[str, str], expected: Credentials) -> None:
    assert find(environ).credentials == expected


@pytest.mark.parametrize("families", list(combinations([SDK, TERRAFORM, OPENSTACK], 2)))
def test_families_that_agree_are_one_identity(families: tuple[dict[str, str], dict[str, str]]) -> None:
    assert find(families[0] | families[1]).credentials == KEY


def test_keys_of_openstack_go_before_its_password() -> None:
    assert find(OPENSTACK | PASSWORD).credentials == KEY


def test_blanks_around_a_value_are_no_part_of_it_and_an_empty_one_is_none() -> None:
    assert (
        find({"HW_ACCESS_KEY": " the-key\n", "HW_SECRET_KEY": f"{CANARY} ", "OS_USERNAME": " ", "OS_PASSWORD": ""}).credentials
        == KEY
    )


def test_project_and_region_come_along() -> None:
    found = find(SDK | {"HW_PROJECT_ID": PROJECT, "HW_REGION_NAME": "eu-de", "OS_PROJECT_NAME": "eu-de_erp"})
    assert (found.project_id, found.region, found.project_name) == (PROJECT, "eu-de", "eu-de_erp")
    assert find(SDK | {"HUAWEICLOUD_SDK_PROJECT_ID": PROJECT, "OS_PROJECT_ID": PROJECT}).project_id == PROJECT
    found = find(SDK)
    assert (found.project_id, found.region, found.project_name) == ("", "", "")


def test_none_at_all_names_all_three_ways() -> None:
    problem = refused({})
    assert "no credentials" in problem.message
    for name in [*SDK, *TERRAFORM, *PASSWORD]:
        assert name in str(problem)


@pytest.mark.parametrize("family", [SDK, TERRAFORM, OPENSTACK])
def test_half_a_pair_names_the_other_half(family: dict[str, str]) -> None:
    for missing, other in (list(family), list(family)[::-1]):
        problem = refused({other: CANARY})
        assert problem.setting == missing
        assert other in problem.message
        assert "both or neither" in problem.message


@pytest.mark.parametrize("missing", PASSWORD)
def test_half_a_password_names_what_is_missing(missing: str) -> None:
    if missing == "OS_USER_DOMAIN_NAME":
        assert refused({name: value for name, value in PASSWORD.items() if name != missing}).setting == missing
    else:
        problem = refused({name: CANARY for name in PASSWORD if name != missing})
        assert problem.setting == missing
        assert all(name in problem.message for name in PASSWORD)


@pytest.mark.parametrize(
    ("environ", "both"),
    [
        (SDK | {"HW_ACCESS_KEY": "another", "HW_SECRET_KEY": CANARY}, ("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY")),
        (SDK | {"HW_ACCESS_KEY": "the-key", "HW_SECRET_KEY": "x" + CANARY}, ("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY")),
        (SDK | {"OS_ACCESS_KEY": "another", "OS_SECRET_KEY": CANARY}, ("HUAWEICLOUD_SDK_AK", "OS_ACCESS_KEY")),
        (TERRAFORM | {"OS_ACCESS_KEY": "another", "OS_SECRET_KEY": CANARY}, ("HW_ACCESS_KEY", "OS_ACCESS_KEY")),
        (SDK | TERRAFORM | {"HW_SECURITY_TOKEN": "session"}, ("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY")),
        (SDK | PASSWORD, ("HUAWEICLOUD_SDK_AK", "OS_PASSWORD")),
        (TERRAFORM | PASSWORD, ("HW_ACCESS_KEY", "OS_PASSWORD")),
        (TERRAFORM | TOKEN, ("HW_ACCESS_KEY", "OS_TOKEN")),
    ],
)
def test_two_identities_are_refused_and_both_named(environ: dict[str, str], both: tuple[str, str]) -> None:
    problem = refused(environ)
    assert problem.setting == " and ".join(both)
    assert "unset" in problem.message


@pytest.mark.parametrize(
    "pair",
    list(combinations(["HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID", "OS_PROJECT_ID"], 2)),
)
def test_two_projects_are_refused_and_both_named(pair: tuple[str, str]) -> None:
    problem = refused(SDK | {pair[0]: PROJECT, pair[1]: OTHER})
    assert problem.setting == f"{pair[0]} and {pair[1]}"
    assert PROJECT not in str(problem)


def test_two_regions_are_refused_and_both_named() -> None:
    assert refused(SDK | {"HW_REGION_NAME": "eu-de", "OS_REGION_NAME": "eu-nl"}).setting == "HW_REGION_NAME and OS_REGION_NAME"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HW_REGION_NAME", "EU-DE"),
        ("OS_REGION_NAME", f"{CANARY}.example/"),
        ("HW_REGION_NAME", "eu-de\nx"),
        ("HW_PROJECT_ID", f"../../{CANARY}"),
        ("OS_PROJECT_ID", PROJECT.upper()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT[1:]),
    ],
)
def test_what_becomes_part_of_an_address_is_checked(name: str, value: str) -> None:
    assert refused(SDK | {name: value}).setting == name


def prefixed(environ: dict[str, str], prefix: str = "PROD_") -> dict[str, str]:
    return {prefix + name: value for name, value in environ.items()}


def test_a_prefix_reads_its_own_variables_only() -> None:
    environ = prefixed(SDK | {"HW_REGION_NAME": "eu-nl", "HW_PROJECT_ID": PROJECT}) | {
        "HW_ACCESS_KEY": "another",
        "HW_SECRET_KEY": "another",
        "HW_REGION_NAME": "eu-de",
        "HW_PROJECT_ID": OTHER,
    }
    found = find(environ, "PROD_")
    assert (found.credentials, found.region, found.project_id) == (KEY, "eu-nl", PROJECT)
    assert find(environ).region == "eu-de"


def test_every_name_in_a_message_carries_the_prefix() -> None:
    for environ in (
        SDK,  # without any PROD_
        prefixed({"HW_ACCESS_KEY": CANARY}),
        prefixed({"OS_USERNAME": CANARY}),
        prefixed(SDK | {"HW_ACCESS_KEY": "another", "HW_SECRET_KEY": CANARY}),
        prefixed(SDK | {"HW_PROJECT_ID": PROJECT, "OS_PROJECT_ID": OTHER}),
        prefixed(SDK | {"HW_REGION_NAME": "EU"}),
    ):
        text = str(refused(environ, "PROD_"))
        for word in ("HUAWEICLOUD_SDK_", "HW_", "OS_"):
            assert text.count(word) == text.count(f"PROD_{word}"), text


def test_a_secret_is_never_printed() -> None:
    for value in (KEY, TEMPORARY, Password("ops", Secret(CANARY), "d"), GivenToken(Secret(CANARY)), find(SDK), [Secret(CANARY)]):
        for text in (repr(value), str(value), f"{value}", f"{value!r:>200}", "%s" % (value,)):  # noqa: UP031 - the old way, too
            assert CANARY not in text
    with pytest.raises(TypeError) as caught:
        json.dumps(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_a_secret_is_no_key_and_no_other_secret() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))
    assert Secret(CANARY).reveal() == CANARY


NAMES = [*SDK, "HUAWEICLOUD_SDK_SECURITY_TOKEN", *TERRAFORM, *OPENSTACK, *PASSWORD, *TOKEN, "HW_REGION_NAME", "OS_PROJECT_ID"]


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", " ", CANARY, CANARY + "2"])))
def test_any_environment_is_one_identity_or_refused_without_a_value(environ: dict[str, str]) -> None:
    try:
        found = find(environ)
    except Misconfigured as problem:
        assert CANARY not in str(problem)  # noqa: PT017
    else:
        assert isinstance(found.credentials, AccessKey | Password | GivenToken)
