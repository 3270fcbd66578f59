"""Whose name we act in: the credential families of the environment, and what to do where they disagree.

The names are the ones people have set already: the official SDK's (HUAWEICLOUD_SDK_…), the Terraform provider's (HW_…) and
OpenStack's (OS_…).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handlers.errors import Misconfigured
from handlers.rules import checked_project_id, checked_region
from handlers.values import dataclass


class Secret:
    """A value that is never printed: not by repr, str, format, a traceback's locals or JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that signs or sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    __hash__ = None  # type: ignore[assignment]  # a secret is no key of anything


@dataclass(frozen=True)
class AccessKey:
    """AK/SK; with ``security_token`` they are temporary keys."""

    access_key: str
    secret_key: Secret
    security_token: Secret | None = None


@dataclass(frozen=True)
class Password:
    """A user of an account (``domain``); a token is made from it."""

    user: str
    password: Secret
    domain: str


@dataclass(frozen=True)
class GivenToken:
    """A token somebody else made. It cannot be renewed."""

    token: Secret


@dataclass()
class Handed:
    """Temporary keys a platform hands over with every call: the last ones count, a warm instance outlives them."""

    keys: AccessKey


Credentials = AccessKey | Password | GivenToken | Handed


@dataclass(frozen=True)
class Platform:
    """What a platform tells a function besides the process's environment: variables, keys, and the project it runs in."""

    variables: Mapping[str, str]
    keys: Handed | None = None
    project_id: str = ""


NO_PLATFORM = Platform({})


@dataclass(frozen=True)
class Found:
    """What one environment says: who we are, and which project and region are meant."""

    credentials: Credentials
    project_id: str
    project_name: str
    region: str


Get = Callable[[str], str]

FAMILIES = ("HUAWEICLOUD_SDK_", "HW_", "OS_")
"""How the variables of each family begin."""


def find(environ: Mapping[str, str], prefix: str = "", handed: Handed | None = None) -> Found:
    """The one identity of the environment, from variables that begin with ``prefix``. Raises Misconfigured.

    Two families that name the same keys are fine; two that name different ones are refused: taking one of them silently
    could back up the wrong account's vaults. Without any, the keys a platform hands over count, unless a prefix asks for others.
    """

    def get(name: str) -> str:
        return environ.get(prefix + name, "").strip()

    families: dict[str, Credentials] = {
        prefix + name: credentials
        for name, credentials in (
            (
                "HUAWEICLOUD_SDK_AK",
                _keys(get, prefix, "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
            ),
            ("HW_ACCESS_KEY", _keys(get, prefix, "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN")),
            ("OS_ACCESS_KEY", _keys(get, prefix, "OS_ACCESS_KEY", "OS_SECRET_KEY", "OS_SECURITY_TOKEN")),
        )
        if credentials is not None
    }
    if not get("OS_ACCESS_KEY"):  # OpenStack's own family may hold both; keys need no call to become usable
        families |= _openstack(get, prefix)
    if not families and handed and not prefix:
        families["the platform's keys"] = handed
    if not families:
        raise Misconfigured(
            f"{prefix}HUAWEICLOUD_SDK_AK",
            f"no credentials found: set {prefix}HUAWEICLOUD_SDK_AK and {prefix}HUAWEICLOUD_SDK_SK, or {prefix}HW_ACCESS_KEY and "
            f"{prefix}HW_SECRET_KEY, or {prefix}OS_USERNAME, {prefix}OS_PASSWORD and {prefix}OS_USER_DOMAIN_NAME",
        )
    (first, credentials), *others = families.items()
    for name, other in others:
        if other != credentials:
            raise Misconfigured(
                f"{first} and {name}",
                f"name two different identities; unset the variables of one family ({_family(name, prefix)})",
            )
    return Found(
        credentials,
        _agreed(environ, prefix, checked_project_id, "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID", "OS_PROJECT_ID"),
        _agreed(environ, prefix, _text, "OS_PROJECT_NAME", "HW_PROJECT_NAME"),
        _agreed(environ, prefix, checked_region, "HW_REGION_NAME", "OS_REGION_NAME"),
    )


def _keys(get: Get, prefix: str, access: str, secret: str, token: str) -> AccessKey | None:
    if not get(access) and not get(secret):
        return None
    for name, other in ((access, secret), (secret, access)):
        if not get(name):
            raise Misconfigured(prefix + name, f"is not set although {prefix}{other} is; set both or neither")
    for name in (access, secret, token):
        _sendable(get(name), prefix + name)
    return AccessKey(get(access), Secret(get(secret)), Secret(get(token)) if get(token) else None)


def _sendable(value: str, name: str) -> None:
    """What goes into a header has to be one that may stand there."""
    if not (value.isascii() and value.isprintable()):
        raise Misconfigured(name, "holds a line break or a character that no key or token has")


def _openstack(get: Get, prefix: str) -> dict[str, Credentials]:
    found: dict[str, Credentials] = {}
    if get("OS_TOKEN"):
        _sendable(get("OS_TOKEN"), f"{prefix}OS_TOKEN")
        found[f"{prefix}OS_TOKEN"] = GivenToken(Secret(get("OS_TOKEN")))
    if get("OS_USERNAME") or get("OS_PASSWORD"):
        for name in ("OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME"):
            if not get(name):
                raise Misconfigured(
                    prefix + name,
                    f"is not set; a password needs {prefix}OS_USERNAME, {prefix}OS_PASSWORD and {prefix}OS_USER_DOMAIN_NAME",
                )
            try:
                _text(get(name))
            except ValueError as error:
                raise Misconfigured(prefix + name, str(error)) from None
        found[f"{prefix}OS_PASSWORD"] = Password(get("OS_USERNAME"), Secret(get("OS_PASSWORD")), get("OS_USER_DOMAIN_NAME"))
    return found


def _agreed(environ: Mapping[str, str], prefix: str, checked: Callable[[str], str], *names: str) -> str:
    """The value of the variables that are set, which must be one, and a valid one."""
    given = {prefix + name: environ[prefix + name].strip() for name in names if environ.get(prefix + name, "").strip()}
    if len(set(given.values())) > 1:
        raise Misconfigured(" and ".join(given), "say two different things; unset one of them")
    for name, value in given.items():
        try:
            return checked(value)
        except ValueError as error:
            raise Misconfigured(name, str(error)) from None
    return ""


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8") from None
    return value


def _family(variable: str, prefix: str) -> str:
    return next(f"{prefix}{family}…" for family in FAMILIES if variable.startswith(prefix + family))
