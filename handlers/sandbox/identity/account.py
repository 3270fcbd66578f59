"""The one account of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Wire = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """``project_name`` is the region's name, as that of every account's default project.

    ``tokens`` are known from the start and expire never: those of a recording, whose requests can then be sent as they were.
    Without ``project_in_catalog`` the catalog's entry for CBR ends in ``/v3``; otcextensions, which meets both, appends the
    project id by itself (recorded).
    """

    region: str
    project_id: str
    project_name: str
    domain_id: str
    domain_name: str
    user_id: str
    username: str
    password: str
    agency: str
    tokens: tuple[str, ...] = ()
    project_in_catalog: bool = True

    @property
    def domain(self) -> Wire:
        """As it stands inside users and projects."""
        return {"id": self.domain_id, "name": self.domain_name}

    @property
    def project(self) -> Wire:
        """As it stands inside a token."""
        return {"id": self.project_id, "name": self.project_name, "domain": self.domain}

    @property
    def user(self) -> Wire:
        """As it stands inside a token."""
        return {"id": self.user_id, "name": self.username, "domain": self.domain, "password_expires_at": ""}

    @property
    def agent(self) -> Wire:
        """Who acts under the agency: the user of its tokens."""
        return {"id": self.user_id, "name": f"{self.domain_name}/{self.agency}", "domain": self.domain}

    def is_domain(self, given: Wire) -> bool:
        """By id or by name."""
        return given.get("id") == self.domain_id or given.get("name") == self.domain_name

    def is_user(self, given: Wire, domain: Wire) -> bool:
        """By id, or by name and domain."""
        return given.get("id") == self.user_id or (given.get("name") == self.username and self.is_domain(domain))

    def is_agency(self, given: Wire) -> bool:
        """``agency_name`` in the documents, ``xrole_name`` in OTC's example and in the Go clients."""
        name = given.get("agency_name", given.get("xrole_name"))
        return name == self.agency and self.is_domain({"id": given.get("domain_id"), "name": given.get("domain_name")})

    def catalog(self, endpoint: str, *, project: bool) -> list[Wire]:
        """The entries of a catalog; openstacksdk and otcextensions find CBR by the type ``cbr``.

        A token without a project has none to put into an address. otcextensions puts the project id behind SMN's by itself, so
        that one has none (recorded).
        """
        cbr = f"{endpoint}/v3/{self.project_id}" if project and self.project_in_catalog else f"{endpoint}/v3"
        urls = {
            "iam": ("identity", "*", f"{endpoint}/v3"),
            "cbr": ("cbr", self.region, cbr),
            "smn": ("smn", self.region, f"{endpoint}/v2/"),
        }
        return [
            {
                "id": name,
                "name": name,
                "type": kind,
                "endpoints": [{"id": name, "interface": "public", "region": region, "region_id": region, "url": url}],
            }
            for name, (kind, region, url) in urls.items()
        ]
