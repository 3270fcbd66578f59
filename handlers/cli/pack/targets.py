"""The platforms that pack knows: what each runs, what it takes, and what of this package is not for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.errors import Misconfigured

_TOOLS = frozenset({"sandbox", "cli", "overview", "__main__"})
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
PYTHONS = ("3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Target:
    """A platform. Of ``pythons`` and ``arches`` the first is taken where nobody says which."""

    name: str
    called: str
    pythons: tuple[str, ...]
    arches: tuple[str, ...]
    glibc: Mapping[str, tuple[str, ...]]
    """By Python version (else ``""``): the tags of wheels that the platform's C library can load, the best first."""
    others: tuple[str, ...]
    """How the names of the other platforms' entries begin. They are left out, as the tools are."""
    extras: tuple[str, ...] = ()
    """Libraries that always go with it."""
    limits: Mapping[str, int] | None = None
    """The platform's quotas in bytes: a zip that is uploaded directly, and what it unfolds to."""

    def tags(self, python: str, arch: str) -> tuple[str, ...]:
        """What pip is to look for."""
        return tuple(f"{tag}_{MACHINES[arch]}" for tag in self.glibc.get(python, self.glibc[""]))

    def leaves_out(self, top: str) -> bool:
        """Whether a file or folder of this package, by its name without ``.py``, is not for this platform."""
        return top in _TOOLS or top.startswith(self.others)


_OLDEST = ("manylinux2014", "manylinux_2_17")
"""glibc 2.17: what any Linux of the last ten years can load."""

LAMBDA = Target(
    name="lambda",
    called="Lambda",
    pythons=("3.13", "3.12", "3.11"),
    arches=("arm64", "x86_64"),
    # 3.11 is on Amazon Linux 2 (glibc 2.26), the later ones on Amazon Linux 2023 (glibc 2.34).
    glibc={"3.11": _OLDEST, "": (*_OLDEST, "manylinux_2_28", "manylinux_2_34")},
    others=("functiongraph", "web"),
    limits={"zip": 50 << 20, "tree": 250 << 20},
)
FUNCTIONGRAPH = Target(
    name="functiongraph",
    called="FunctionGraph",
    # Its documents list 2.7, 3.6, 3.9, 3.10 and 3.12; this package begins with 3.11.
    pythons=("3.12",),
    # Its documents offer no choice of machine. They recommend to build on Huawei Cloud EulerOS 2.0 (glibc 2.34), and used to
    # recommend CentOS 7 (glibc 2.17): nothing newer than that is packed, so both will do. Not verified on the platform; in a
    # function there `import platform; return [platform.machine(), platform.libc_ver(), platform.python_version()]` would tell.
    arches=("x86_64",),
    glibc={"": _OLDEST},
    others=("aws_lambda", "web", "functiongraph_image"),
    extras=("valkey",),  # every instance has a disk of its own, and the cloud's shared store (DCS) speaks this
    limits={"zip": 10 << 20, "tree": 250 << 20},  # of the console: 10 MB in some regions, 40 in others; of the interface 50
)
WEB = Target(
    name="web",
    called="a container",
    pythons=("3.13", "3.12", "3.11"),
    arches=("x86_64", "arm64"),
    # Debian 12 has glibc 2.36; the best first, as pip itself chooses there.
    glibc={"": ("manylinux_2_34", "manylinux_2_28", *reversed(_OLDEST))},
    others=("aws_lambda",),
    extras=("web", "valkey"),
)
TARGETS = {each.name: each for each in (LAMBDA, FUNCTIONGRAPH, WEB)}


@dataclass(frozen=True)
class Wanted:
    """What is to be packed: for which machine of which platform, with which libraries."""

    target: Target
    python: str
    arch: str
    extras: tuple[str, ...]

    @classmethod
    def of(cls, platform: str, python: str | None, arch: str | None, extras: set[str]) -> Wanted:
        """Raises Misconfigured for a machine that the platform has not."""
        target = TARGETS[platform]
        for option, given, has in (("--python", python, target.pythons), ("--arch", arch, target.arches)):
            if given and given not in has:
                raise Misconfigured(option, f"{given} is nothing that {target.called} runs: {' or '.join(has)}")
        every = tuple(sorted(extras | set(target.extras)))
        return cls(target, python or target.pythons[0], arch or target.arches[0], every)
