"""F1 to F23: between us and CBR or IAM."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from pathlib import Path
from unittest import mock

from tests.certificates import Certificates
from tests.faults.clocks import hung_up, within
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.scripted import BACKUPS, CREATE, START, Passing, cuts, executes_and
from tests.sockets import Server, always, reply, silent_listener

faults = Faults()
SHORT = 5.2
"""Seconds that leave a little more than two for asking."""


@faults("F1")
def no_such_host(stage: Stage) -> None:
    stage.cbr_at("https://cbr.nowhere.invalid")  # RFC 2606, section 2: never resolves
    stage.fire(seconds=SHORT)
    stage.later = stage.renew


@faults("F2a")
def nobody_listens(stage: Stage) -> None:
    stage.strike("refuse:seconds=600")
    stage.fire()


@faults("F2b")
def nobody_listens_at_the_post(stage: Stage) -> None:
    def last_answer(it: Passing) -> None:
        stage.world.door.shut()
        status, headers, body = it.forward()
        it.say(status, headers | {"Connection": "close"}, body)
        it.hang_up()

    stage.door.on(BACKUPS, last_answer)
    stage.fire()
    stage.later = stage.renew


@faults("F3")
def connect_hangs(stage: Stage) -> None:
    with silent_listener() as origin, within(10):
        stage.cbr_at(origin)
        stage.fire()  # a minute is left: what ends it is the limit on connecting
    stage.later = stage.renew


@faults("F4a", "expired")
@faults("F4b", "elsewhere")
@faults("F4c", "own")
def certificate(stage: Stage, shown: str) -> None:
    made = Certificates(stage.world.folder)
    _untrusted(stage, Server(always(reply()), tls=made.server(shown)), made)


@faults("F5")
def old_tls(stage: Stage) -> None:
    import ssl
    import warnings

    made = Certificates(stage.world.folder)
    context = made.server("good")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is deprecated: that is the point
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    _untrusted(stage, Server(always(reply()), tls=context), made)


def _untrusted(stage: Stage, server: Server, made: Certificates) -> None:
    with server:
        stage.cbr_at(server.origin, RESTORE_POINT_CA_FILE=made.authority)
        outcome = stage.fire()
        assert server.accepted == 1, "no repeat"
        assert server.asked == []
    assert server.host in outcome.message
    assert "CERTIFICATE-----" not in outcome.message
    stage.later = stage.renew


@faults("F6a")
def cut_before_cbr(stage: Stage) -> None:
    stage.door.on(CREATE, cuts)
    stage.fire()


@faults("F7")
def cut_after_cbr(stage: Stage) -> None:
    stage.door.on(CREATE, executes_and(cuts))
    stage.fire()
    stage.fire()


@faults("F6b", f"reset_before:{POST}")
@faults("F8", f"truncate:{POST}")
@faults("F10a", f"html:{POST}")
@faults("F10b", f"empty:{POST}")
@faults("F10c", f"not_json:{POST}")
@faults("F10d", f"array:{POST}")
@faults("F14a", f"status:code=502,{POST}")
@faults("F14b", f"status:code=503,{POST}")
@faults("F14c", f"status:code=504,{POST}")
@faults("F14d", "status:code=502,path=/backups,method=GET")
@faults("F15a", f"throttle:retry_after=none,{POST}")
@faults("F15b", f"throttle:retry_after=seconds,seconds=30,{POST}")
@faults("F15c", f"throttle:retry_after=date,seconds=30,{POST}")
@faults("F15d", f"throttle:retry_after=negative,{POST}")
@faults("F15e", f"throttle:retry_after=huge,{POST}")
def once(stage: Stage, fault: str) -> None:
    stage.strike(fault)
    with within(SHORT):
        stage.fire(seconds=SHORT)


@faults("F9")
def drip(stage: Stage) -> None:
    stage.strike(f"drip:seconds=0.2,{POST}")
    stage.in_real_time()
    with within(6.5):
        stage.fire(seconds=6.5)  # of which three are for telling
    stage.later = stage.renew


@faults("F11")
def no_id(stage: Stage) -> None:
    stage.strike(f"no_id:{POST}")
    stage.fire()
    stage.world.clock.forward(200)
    stage.fire()


@faults("F12a")
def gzip_bomb(stage: Stage) -> None:
    stage.strike(f"gzip_bomb:megabytes=300,{POST}")
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak is what it is now
    before = _most_held()
    stage.fire()
    assert _most_held() - before < 64_000, "the product's limit is 1 MiB of it; 300 MB would be seen"


@faults("F12b")
def long_answer(stage: Stage) -> None:
    def blanks(it: Passing) -> None:
        status, headers, body = it.forward()
        it.say(status, headers, body + b" " * (8 << 20))

    stage.door.on(CREATE, blanks)
    stage.fire()


def _most_held() -> int:
    """Kilobytes, the most this process has held at once."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@faults("F13a", 301)
@faults("F13b", 302)
@faults("F13c", 307)
@faults("F13d", 308)
def redirect(stage: Stage, code: int) -> None:
    with Server(always(reply())) as other:
        stage.strike({"kind": "redirect", "code": code, "to": f"{other.origin}/steal", "method": "POST", "path": "checkpoints"})  # type: ignore[arg-type]
        stage.fire()
        assert other.accepted == 0


@faults("F22")
def idle_closed(stage: Stage) -> None:
    stage.strike("close_idle:times=0")
    stage.fire()
    hung_up(stage.world.sandbox.endpoint)
    stage.world.clock.forward(3600)
    stage.fire(START + timedelta(hours=1))


@faults("F23")
def proxies(stage: Stage) -> None:
    with Server(always(reply(418))) as proxy:
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        with mock.patch.dict(os.environ, dict.fromkeys(names, proxy.origin) | {"NO_PROXY": "", "no_proxy": ""}):
            stage.fire()
        assert proxy.accepted == 0
