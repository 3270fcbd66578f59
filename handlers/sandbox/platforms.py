"""Where a sandbox does not start: its credentials are public, and its restore points hold nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

# FUNCTION_TARGET is none of them: functions-framework sets it on a developer's machine, too
_FUNCTIONS = (
    "AWS_LAMBDA_FUNCTION_NAME",
    "K_SERVICE",  # Knative, Cloud Run and its functions
    "RUNTIME_FUNC_NAME",  # Huawei FunctionGraph
    "RUNTIME_PROJECT_ID",
    "FUNCTIONS_WORKER_RUNTIME",  # Azure Functions
    "WEBSITE_INSTANCE_ID",  # Azure App Service
)
# tests run there, too: GitLab's and GitHub's runners in a cluster say CI
_CONTAINERS = (
    "KUBERNETES_SERVICE_HOST",
    "ECS_CONTAINER_METADATA_URI_V4",
    "AWS_EXECUTION_ENV",  # Lambda, Fargate
)


def refuse_where_services_run(environment: Mapping[str, str]) -> None:
    """By what the platforms set themselves. A cluster's container may run tests, if it says so with ``CI``."""
    for name in _FUNCTIONS if environment.get("CI") else _FUNCTIONS + _CONTAINERS:
        if name in environment:
            raise Misconfigured(name, "is set, and the sandbox does not start where services run")
