"""Other programs on the same job: to write a file for each file of a bundle, with a node's values.

They get templates cut from a bundle that omconf built. They check nothing, and neither resolve nor
digest anything: what is compared is the time to bring the files about.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import Command
from bench.specs import address, url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
MODEL = 3
"""The node whose files become the templates: neither the first, nor on any server."""

PACKAGES = {
    "Jinja2 script": "jinja2",
    "jsonnet": "jsonnet",
    "Kapitan": "kapitan",
    "Ansible": "ansible-core",
}

PLAYBOOK = """\
- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: [vars.json]
  tasks:
    - ansible.builtin.file:
        path: "{{ out }}/{{ item.0.name }}/{{ item.1 }}"
        state: directory
      loop: "{{ nodes | product(folders) | list }}"
    - ansible.builtin.template:
        src: "templates/{{ item.1 }}"
        dest: "{{ out }}/{{ item.0.name }}/{{ item.1 }}"
      loop: "{{ nodes | product(paths) | list }}"
"""


class Installed(NamedTuple):
    """The peers that pip could install, by name with their versions; and those that it could not."""

    python: Path
    versions: Mapping[str, str]
    missing: Sequence[str]


def install(folder: Path) -> Installed:
    """Install the peers into an environment of their own."""
    python = folder.absolute() / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    versions = {}
    for name, package in PACKAGES.items():
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            package,
        ]
        if subprocess.run(pip, check=False).returncode == 0:
            ask = f"from importlib.metadata import version; print(version({package!r}))"
            said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
            versions[name] = said.stdout.strip()
    missing = [name for name in PACKAGES if name not in versions]
    return Installed(python, versions, missing)


def commands(installed: Installed, bundle: Path, nodes: int, work: Path) -> dict[str, Command]:
    """Make what each peer reads, from a bundle; return the commands by the peers' names."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    model = bundle / f"om{MODEL}"
    texts = {
        str(file.relative_to(model)): _pieces(file.read_text())
        for file in sorted(model.rglob("*"))
        if file.is_file()
    }
    values = [{"name": f"om{i}", "address": address(i), "url": url(i)} for i in range(1, nodes + 1)]
    make = {
        "Jinja2 script": _jinja,
        "jsonnet": _jsonnet,
        "Kapitan": _kapitan,
        "Ansible": _ansible,
    }
    return {
        name: Command(
            make[name](installed.python, texts, values, work),
            partial(shutil.rmtree, work / f"{name} out", ignore_errors=True),
        )
        for name in installed.versions
    }


_Texts = dict[str, list[str]]
_Values = list[dict[str, str]]


def _pieces(text: str) -> list[str]:
    """Cut a text: at odd places the names of a node's values."""
    found = {url(MODEL): "url", address(MODEL): "address", f"om{MODEL}": "name"}
    parts = re.split(f"({'|'.join(map(re.escape, found))})", text)
    return [found.get(part, part) for part in parts]


def _template(pieces: list[str], prefix: str) -> str:
    """Write a Jinja2 template; what would be Jinja2 in the text stands in quotes."""
    return "".join(
        f"{{{{ {prefix}.{piece} }}}}"
        if place % 2
        else re.sub(r"\{[{%#]", lambda found: f"{{{{ '{found[0]}' }}}}", piece)
        for place, piece in enumerate(pieces)
    )


def _written(texts: _Texts, prefix: str, folder: Path) -> None:
    for path, pieces in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(_template(pieces, prefix))


def _jinja(python: Path, texts: _Texts, values: _Values, work: Path) -> list[object]:
    templates = {path: _template(pieces, "node") for path, pieces in texts.items()}
    data = work / "jinja.json"
    data.write_text(json.dumps({"nodes": values, "templates": templates}))
    return [python, HERE / "jinja.py", data, work / "Jinja2 script out"]


def _jsonnet(python: Path, texts: _Texts, values: _Values, work: Path) -> list[object]:
    def expression(pieces: list[str]) -> str:
        return " + ".join(
            f"node.{piece}" if place % 2 else json.dumps(piece)
            for place, piece in enumerate(pieces)
        )

    files = ",\n".join(f"{json.dumps(p)}: {expression(pieces)}" for p, pieces in texts.items())
    program = work / "bundle.jsonnet"
    program.write_text(
        f"local nodes = {json.dumps(values)};\nlocal files(node) = {{\n{files}\n}};\n"
        "{ [node.name + '/' + path]: files(node)[path]"
        " for node in nodes for path in std.objectFields(files(node)) }\n"
    )
    return [python, HERE / "by_jsonnet.py", program, work / "jsonnet out"]


def _kapitan(python: Path, texts: _Texts, values: _Values, work: Path) -> list[object]:
    root = work / "kapitan"
    _written(texts, "inventory.parameters.node", root / "templates")
    compiled = {"output_path": ".", "input_type": "jinja2", "input_paths": ["templates"]}
    (root / "inventory/classes").mkdir(parents=True)
    for value in values:
        target = root / "inventory/targets" / f"{value['name']}.yml"
        target.parent.mkdir(parents=True, exist_ok=True)
        kapitan = {"vars": {"target": value["name"]}, "compile": [compiled]}
        target.write_text(json.dumps({"parameters": {"kapitan": kapitan, "node": value}}))
    out = work / "Kapitan out"
    program = python.parent / "kapitan"
    inventory = root / "inventory"
    return [
        program,
        "compile",
        "--quiet",
        "--inventory-path",
        inventory,
        "-J",
        root,
        "--output-path",
        out,
    ]


def _ansible(python: Path, texts: _Texts, values: _Values, work: Path) -> list[object]:
    root = work / "ansible"
    _written(texts, "item.0", root / "templates")
    folders = sorted({str(Path(path).parent) for path in texts})
    variables = {"nodes": values, "paths": list(texts), "folders": folders}
    (root / "vars.json").write_text(json.dumps(variables))
    (root / "play.yml").write_text(PLAYBOOK)
    program = python.parent / "ansible-playbook"
    extra = {"out": str(work / "Ansible out"), "ansible_python_interpreter": str(python)}
    home = f"ANSIBLE_HOME={root / 'home'}"
    return ["env", home, program, "-i", "localhost,", root / "play.yml", "-e", json.dumps(extra)]
