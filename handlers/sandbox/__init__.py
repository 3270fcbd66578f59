"""An embedded CBR, IAM and SMN, wire-compatible and loopback only, for demos and tests.

    server       HTTP; a connection's bytes become a request
      └▶ front   route, door, service, record
           ├▶ doors      tokens and both signatures, really verified
           ├▶ cbr        asking (what a create call may say) → vaults (state) → replies, records (wire forms), lists
           ├▶ identity   IAM's tokens and projects
           └▶ topics     SMN's messages
    estate       what is there at the start
    problems     every error document

It shares no model with the client: a server that did could not disagree with it.
"""

from __future__ import annotations

from handlers.sandbox.box import Sandbox
from handlers.sandbox.exchange import Exchange

__all__ = ["Exchange", "Sandbox"]
