"""What a container is built from: main.py, the pins, the Dockerfile, and manifests for Knative and Cloud Run.

Tests carry out the Dockerfile's lines in a folder, and send what the manifests would. Not verified, for want of an engine, a
cluster and an account; these would tell: ``docker build``; ``kubectl apply --dry-run=server -f knative.yaml``, then ``kubectl
get`` of the same, where all must be Ready; ``gcloud run services replace --dry-run cloudrun.yaml``; for Google's buildpacks
``gcloud run deploy --source DIR --function main --base-image python313`` (the folder has a Dockerfile, too).
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from handlers.cli.pack import cloudrun, grafana, knative
from handlers.cli.pack.manifest import IMAGE, NAME, written
from handlers.cli.pack.targets import Wanted
from handlers.cli.pack.tree import install, requirements
from handlers.cli.sbom import NAME as BILL
from handlers.rules import Rules

COMMAND = ("python", "-m", "handlers.web_server")
"""What the image runs: functions-framework's application under a server of ours, with PORT and FUNCTION_SOURCE set."""
PORT = 8000
"""FunctionGraph's custom images must listen there. Cloud Run and Knative say theirs in PORT."""
PLACE = "/srv/restore-point"
USER = 1003
"""User and group that FunctionGraph runs custom images as."""

MAIN = '''\
"""What is served: functions-framework and Google's buildpacks look for a function in main.py."""
from handlers.functiongraph_image import main  # noqa: F401 - that of handlers.web, but where RESTORE_POINT_DOOR is set
'''


def add(tree: Path, wanted: Wanted, rules: Rules) -> None:
    """All but the package itself. The wheels are fetched for their bill, and not kept: the image fetches them again, by hash."""
    tree.mkdir()
    with TemporaryDirectory(dir=tree.parent) as folder:
        wheels = Path(folder) / "wheels"
        install(wanted, wheels)
        (wheels / BILL).rename(tree / BILL)
    pins = "".join(each.read_text(encoding="utf-8") for each in requirements(wanted))
    for name, text in (
        ("main.py", MAIN),
        ("requirements.txt", pins),
        ("Dockerfile", dockerfile(wanted.python)),
        ("knative.yaml", written(knative.documents(rules))),
        ("cloudrun.yaml", written(cloudrun.documents(rules))),
        ("dashboard.json", grafana.dashboard(rules)),
    ):
        (tree / name).write_text(text, encoding="utf-8")


def missing(rules: Rules) -> list[str]:
    """What these rules want and the manifests cannot bring: said, for nobody would notice before it is needed."""
    how = "over HTTP it needs a sender of dialect timer; on Knative its source is /apis/v1/namespaces/NAMESPACE/pingsources/NAME"
    unheard = sorted({rule.timer for rule in rules.rules if rule.timer} - set(knative.pinged(rules)))
    found = [f"timers.{name}: nothing here makes it fire: {how}" for name in unheard]
    if not knative.watcher(rules):
        found.append("nobody may run the watch: add a sender of dialect once with a bearer, or what is due is never taken up")
    return found


def dockerfile(python: str) -> str:
    """The image's, on the slim Debian of this Python."""
    return f"""\
# The same image runs on Knative, on Cloud Run, as a FunctionGraph custom image and by itself.
ARG PYTHON={python}-slim
FROM python:${{PYTHON}}
RUN groupadd --gid {USER} restore-point && useradd --uid {USER} --gid {USER} --no-create-home restore-point
WORKDIR {PLACE}
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r requirements.txt
COPY main.py rules.toml ./
COPY handlers ./handlers
# Dates of files in an image may change: byte code that is not held against them is never stale.
RUN python -m compileall -q --invalidation-mode unchecked-hash main.py handlers
ENV PORT={PORT} FUNCTION_SOURCE={PLACE}/main.py PYTHONPATH={PLACE} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER {USER}:{USER}
EXPOSE {PORT}
HEALTHCHECK NONE
CMD {json.dumps(list(COMMAND))}
"""


def steps(directory: str) -> list[str]:
    """What to do with it."""
    return [
        f"image:      docker build -t {IMAGE} {directory} && docker push {IMAGE}",
        f"by itself:  docker run --env-file FILE -p {PORT}:{PORT} {IMAGE}   (FILE: the variables of knative.yaml)",
        f"Knative:    kubectl create secret generic {NAME} -n NAMESPACE --from-env-file=FILE",
        f"            kubectl apply -f {directory}/knative.yaml   (read it first: image, region, schedules)",
        f"Cloud Run:  gcloud run services replace {directory}/cloudrun.yaml --region REGION   (after the same)",
        "Grafana:    import dashboard.json (over Loki: the panels that AWS has in CloudWatch)",
        f"buildpack:  gcloud run deploy {NAME} --source {directory} --function main --base-image python313",
        f"FunctionGraph custom image: push it to SWR; it listens on {PORT}, as user {USER}. Of an event function:",
        "            RESTORE_POINT_DOOR=timer (alert, once, watch, worker)",
    ]
