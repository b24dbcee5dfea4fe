"""The same files by a Jinja2 script: python jinja.py DATA OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jinja2 import Environment

data = json.loads(Path(sys.argv[1]).read_text())
out = Path(sys.argv[2])
environment = Environment(autoescape=False, keep_trailing_newline=True)
templates = {path: environment.from_string(text) for path, text in data["templates"].items()}
for node in data["nodes"]:
    for path, template in templates.items():
        file = out / node["name"] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(template.render(node=node))
