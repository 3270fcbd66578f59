"""What a container engine and Knative would do with what ``pack web`` writes, as far as a test can: there is neither here.

``Image`` goes through the Dockerfile line by line in a folder and a virtual environment. ``Cluster`` reads the manifests: what a
container's environment holds, where an event of a source or a trigger goes, and what the proxy on its way adds.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

yaml: Any = pytest.importorskip("yaml", reason="PyYAML comes with cfn-lint, from the dev extra")

BUILDING = 300.0


class Image:
    """The Dockerfile's lines, carried out in ``folder``. A line of a kind that is not known here fails."""

    def __init__(self, context: Path, folder: Path) -> None:
        self.context, self.venv = context, folder / "venv"
        self.root = self.workdir = folder / "root"
        self.environ: dict[str, str] = {}
        self.said: dict[str, str] = {}
        subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True, timeout=BUILDING)
        for line in (context / "Dockerfile").read_text("utf-8").splitlines():
            word, _, rest = line.partition(" ")
            if line and not line.startswith("#"):
                getattr(self, f"_{word.lower()}")(rest)
        self.command: list[str] = json.loads(self.said["CMD"])

    def around(self, more: Mapping[str, str]) -> dict[str, str]:
        """Of a process in it: nothing of this machine's environment."""
        return {"PATH": f"{self.venv / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent"} | self.environ | dict(more)

    def _arg(self, rest: str) -> None:
        self.said["ARG"] = rest

    def _from(self, rest: str) -> None:
        self.said["FROM"] = rest

    def _workdir(self, rest: str) -> None:
        self.workdir = self.workdir / rest.lstrip("/")
        self.workdir.mkdir(parents=True)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        into = self.workdir / target
        for source in (self.context / each for each in sources):
            if source.is_dir():
                shutil.copytree(source, into)
            else:
                shutil.copy(source, into if target.endswith("/") else into.parent)

    def _run(self, rest: str) -> None:
        if rest.startswith("groupadd"):
            self.said["groupadd"] = rest
            return
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "LD_LIBRARY_"))}
        config = {"PIP_CONFIG_FILE": os.environ["PIP_CONFIG_FILE"]} if "PIP_CONFIG_FILE" in os.environ else {}
        around = kept | config | self.around({"HOME": os.environ.get("HOME", "/")})
        subprocess.run(shlex.split(rest), cwd=self.workdir, env=around, check=True, timeout=BUILDING, stdout=subprocess.DEVNULL)

    def _env(self, rest: str) -> None:
        for name, _, value in (each.partition("=") for each in rest.split()):
            self.environ[name] = f"{self.root}{value}" if value.startswith("/") else value

    def _user(self, rest: str) -> None:
        self.said["USER"] = rest

    def _expose(self, rest: str) -> None:
        self.said["EXPOSE"] = rest

    def _healthcheck(self, rest: str) -> None:
        self.said["HEALTHCHECK"] = rest

    def _cmd(self, rest: str) -> None:
        self.said["CMD"] = rest


class Cluster:
    """The resources of a manifest, by kind and name."""

    def __init__(self, text: str) -> None:
        self.resources: list[dict[str, Any]] = list(yaml.safe_load_all(text))

    def of(self, kind: str, version: str = "") -> list[dict[str, Any]]:
        return [each for each in self.resources if each["kind"] == kind and each["apiVersion"].startswith(version)]

    def named(self, kind: str, name: str, version: str = "") -> dict[str, Any]:
        (found,) = (each for each in self.of(kind, version) if each["metadata"]["name"] == name)
        return found

    def environment(self, container: Mapping[str, Any], secret: Mapping[str, str]) -> dict[str, str]:
        """As the container gets it; a key that the Secret has not would keep it from starting."""
        return {
            each["name"]: each["value"] if "value" in each else secret[each["valueFrom"]["secretKeyRef"]["key"]]
            for each in container["env"]
        }

    def bound(self, service: Mapping[str, Any]) -> dict[str, str]:
        """What the SinkBinding adds to the Service's container: the Broker's address, in the form of Knative's own Broker."""
        (binding,) = (each["spec"] for each in self.of("SinkBinding"))
        named = {name: service["metadata"][name] for name in ("name", "namespace")}
        subject = {"apiVersion": service["apiVersion"], "kind": service["kind"], **named}
        assert binding["subject"] == subject
        broker = self.named("Broker", binding["sink"]["ref"]["name"])["metadata"]
        return {"K_SINK": f"http://broker-ingress.knative-eventing.svc.cluster.local/{broker['namespace']}/{broker['name']}"}

    def way(self, sink: Mapping[str, Any], secret: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Path and headers with which an event for this sink arrives at the server."""
        ref, path = sink["ref"], sink["uri"]
        if ref["apiVersion"] == "serving.knative.dev/v1":
            self.named("Service", ref["name"], "serving.knative.dev")
            return path, {}
        service = self.named("Service", ref["name"], "v1")
        (deployment,) = (
            each
            for each in self.of("Deployment")
            if each["spec"]["template"]["metadata"]["labels"].items() >= service["spec"]["selector"].items()
        )
        pod = deployment["spec"]["template"]["spec"]
        (mounted,) = (each["configMap"]["name"] for each in pod["volumes"])
        (text,) = self.named("ConfigMap", mounted)["data"].values()
        for name, value in self.environment(pod["containers"][0], secret).items():
            text = text.replace(f"${{{name}}}", value)
        assert "${" not in text, "a variable of the template that the container has not"
        (found,) = re.findall(rf"location = {re.escape(path)} \{{(.*?) proxy_pass http://(\S+); \}}", text)
        (server,) = self.of("Service", "serving.knative.dev")
        assert found[1] == f"{server['metadata']['name']}.{server['metadata']['namespace']}.svc.cluster.local"
        return path, dict(re.findall(r'proxy_set_header (\S+) "([^"]*)";', found[0]))
