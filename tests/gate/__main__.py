"""``python -m tests.gate``: the counts as they are now, in the form of the table. Each that has changed needs a reason."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.gate.counting import WAYS, copy, counted, libraries, table

with tempfile.TemporaryDirectory() as place:
    package, others = copy(Path(place) / "package"), libraries(Path(place) / "libraries")
    for name in WAYS:
        folder = Path(place) / name
        folder.mkdir()
        print(f"[{name}]\nwhy = {json.dumps(table().get(name, {}).get('why', ''), ensure_ascii=False)}")
        for key, value in counted(name, folder, package, others).items():
            if isinstance(value, dict):
                inner = ", ".join(f"{json.dumps(each)} = {count}" for each, count in value.items())
                print(f"{key} = {{ {inner} }}" if inner else f"{key} = {{}}")
            else:
                print(f"{key} = {json.dumps(value)}")
        print()
