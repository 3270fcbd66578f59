"""One project, ready to be spoken to: whose credentials, which project, which hosts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from handlers import credentials
from handlers.credentials import Credentials, Platform
from handlers.errors import Misconfigured
from handlers.rules import Project
from handlers.values import dataclass

_HOSTS = {"huawei": "myhuaweicloud.com", "otc": "otc.t-systems.com"}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LOOPBACK = re.compile(r"localhost|::1|127(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}")


@dataclass(frozen=True)
class Access:
    """One project, ready to be spoken to. ``project_id`` is empty where it has to be looked up at IAM by region.

    ``cbr``, ``iam`` and ``smn`` are origins (``https://host``), the only ones this project's calls may go to.
    """

    name: str
    credentials: Credentials
    project_id: str
    project_name: str
    region: str
    cbr: str
    iam: str
    smn: str
    agency: str = ""
    agency_domain: str = ""
    requests_per_second: float = 5.0

    @property
    def on_this_machine(self) -> bool:
        """Whether all of its services are, as a sandbox's."""
        return all(is_loopback(urlsplit(origin).hostname or "") for origin in (self.cbr, self.iam, self.smn))


def find_access(name: str, project: Project, environ: Mapping[str, str], platform: Platform, *, alone: bool) -> Access:
    """What the rules file leaves out comes from the environment, then from the platform and the region. Raises Misconfigured."""
    prefix = project.credentials.removeprefix("env").removeprefix(":")
    found = credentials.find(environ, prefix, platform.keys)
    own = platform.project_id if alone and not prefix else ""  # several projects cannot all be the function's
    auth_url = environ.get(f"{prefix}OS_AUTH_URL", "") or environ.get(f"{prefix}HUAWEICLOUD_SDK_IAM_ENDPOINT", "")
    region = project.region or found.region or _only_region(environ, prefix)
    cloud = project.cloud or ("otc" if re.search(r"\.otc\.t-systems\.com(:[0-9]+)?(/|$)", auth_url.strip()) else "huawei")

    def origin(service: str, given: str | None, variable: str) -> str:
        if given:
            return checked_origin(f"projects.{name}.{'endpoint' if service == 'cbr' else service + '_endpoint'}", given)
        if environ.get(variable):
            return checked_origin(variable, environ[variable])
        if service == "iam" and auth_url:
            return checked_origin(f"{prefix}OS_AUTH_URL", auth_url)
        if not region:
            raise Misconfigured(
                f"projects.{name}.region", f"is not set: write it there, or set {prefix}HW_REGION_NAME, or name the endpoint"
            )
        return f"https://{service}.{region}.{_HOSTS[cloud]}"

    suffix = region.replace("-", "_").upper()
    return Access(
        name=name,
        credentials=found.credentials,
        project_id=project.project_id or found.project_id or own,
        project_name=found.project_name or region,
        region=region,
        cbr=origin("cbr", project.endpoint, f"{prefix}HUAWEICLOUD_SDK_REGION_CBR_{suffix}"),
        iam=origin("iam", project.iam_endpoint, f"{prefix}HUAWEICLOUD_SDK_IAM_ENDPOINT"),
        smn=origin("smn", project.smn_endpoint, f"{prefix}HUAWEICLOUD_SDK_REGION_SMN_{suffix}"),
        agency=project.agency or "",
        agency_domain=project.agency_domain or "",
        requests_per_second=project.requests_per_second,
    )


def functiongraph_origin(access: Access, environ: Mapping[str, str]) -> str:
    """Where functions of this project are invoked. Raises Misconfigured."""
    variable = f"HUAWEICLOUD_SDK_REGION_FUNCTIONGRAPH_{access.region.replace('-', '_').upper()}"
    if environ.get(variable):
        return checked_origin(variable, environ[variable])
    beside = urlsplit(access.cbr).hostname or ""
    if beside.startswith("cbr."):
        return f"https://functiongraph.{beside.removeprefix('cbr.')}"
    raise Misconfigured(variable, "is not set, and where functions are invoked does not follow from the endpoint of CBR")


def is_loopback(host: str) -> bool:
    """Whether that host is this machine."""
    return bool(_LOOPBACK.fullmatch(host))


def _only_region(environ: Mapping[str, str], prefix: str) -> str:
    """The region the official SDK's endpoint variable speaks of, where there is exactly one such variable."""
    start = f"{prefix}HUAWEICLOUD_SDK_REGION_CBR_"
    regions = [name.removeprefix(start) for name in environ if name.startswith(start)]
    return regions[0].lower().replace("_", "-") if len(regions) == 1 else ""


def checked_origin(setting: str, url: str) -> str:
    """``https://host[:port]`` of an endpoint; a path of /v3 is what people have in OS_AUTH_URL and is left off.

    Raises Misconfigured, which names ``setting`` and repeats no value.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise Misconfigured(setting, "is no URL") from None
    host = parts.hostname or ""
    loopback = _LOOPBACK.fullmatch(host)
    more = parts.path.strip("/") not in ("", "v3") or parts.query or parts.fragment or "@" in parts.netloc
    if more or port == 0 or not (loopback or _HOST.fullmatch(host)):
        raise Misconfigured(setting, "must be an origin such as https://cbr.eu-de.otc.t-systems.com, without path or user")
    if not loopback and re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2]):
        raise Misconfigured(setting, "must name its host: an address is for loopback only")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise Misconfigured(setting, "must begin with https:// (plain http is for loopback only)")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + (f":{port}" if port else "")
