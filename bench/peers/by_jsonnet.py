"""The same files by jsonnet: python by_jsonnet.py PROGRAM OUT. It gives one object, text by path."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import _jsonnet

out = Path(sys.argv[2])
for path, text in json.loads(_jsonnet.evaluate_file(sys.argv[1])).items():
    file = out / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
