"""Print the JSON Schemas of what people write (rules, the simple alert, the one-off body) and of what topics carry."""

from __future__ import annotations

import argparse
from typing import Any

from handlers.alerts.simple import SimpleAlert
from handlers.cli import DONE, print_json
from handlers.cli.log_schema import log_schema
from handlers.cli.message_schema import message_schema
from handlers.cli.twins import twin
from handlers.models import Model
from handlers.rules import Rules
from handlers.vault_backup import VaultBackup

_MODELS: dict[str, type[Model]] = {"rules": Rules, "simple": SimpleAlert, "vault_backup": VaultBackup}


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``schema``."""
    choices = sorted((*_MODELS, "log", "message"))
    parser.add_argument("name", nargs="?", choices=choices, help="only this one (default: all, by name)")


def run(arguments: argparse.Namespace) -> int:
    """JSON either way: a schema is for programs."""
    schemas: dict[str, Any] = {name: twin(model).model_json_schema() for name, model in _MODELS.items()}
    schemas |= {"message": message_schema(), "log": log_schema()}
    print_json(schemas[arguments.name] if arguments.name else schemas)
    return DONE
