"""The recipes of docs/secrets.md as they stand there: real programs keep the secret, omconf reads it.

A recipe's shell lines are run in the spec's folder, and its line of yaml is the spec's. What a person
would type, or write in an editor, comes from the test.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clusters import SMALLEST
from tests.command import ROOT, omconf
from tests.needs import needs
from tests.real.programs import run

PAGE = ROOT / "docs/secrets.md"
SECRET = "s3cret, of \"the\" 'cluster' $HOME"
PERSISTENCE = "opt/om/webapps/openmeetings/WEB-INF/classes/META-INF/persistence.xml"
ADMINS = "admins@example.org"


@dataclass(frozen=True)
class Recipe:
    """What a recipe needs, what is typed or written in it, and the key without which it is locked."""

    needs: tuple[str, ...]
    key: str
    typed: str = ""
    edited: str = ""
    before: Callable[[Path], object] = lambda home: None


def gpg_key(home: Path) -> None:
    (home / "gnupg").mkdir(mode=0o700)
    options = ("--batch", "--passphrase", "", "--quick-generate-key", ADMINS)
    run("gpg", *options, env={"GNUPGHOME": str(home / "gnupg"), "PATH": os.environ["PATH"]})


RECIPES = {
    "sops with age": Recipe(
        ("sops", "age-keygen"),
        ".config/sops/age/keys.txt",
        edited=f"db: {json.dumps(SECRET)}\n",
    ),
    "pass": Recipe(
        ("pass", "gpg", "gpgconf"), "gnupg", typed=f"{SECRET}\n{SECRET}\n", before=gpg_key
    ),
    "ansible-vault": Recipe(
        ("ansible-vault",),
        ".vault-pass",
        edited=f"{SECRET}\n",
        before=lambda home: (home / ".vault-pass").write_text("the vault's own\n"),
    ),
    "systemd-creds": Recipe(("systemd-creds", "root"), "host.secret", typed=f"{SECRET}\n"),
}


def fences(title: str) -> tuple[str, str]:
    """A recipe's shell lines and its line of yaml."""
    section = PAGE.read_text().partition(f"\n### {title}\n")[2].partition("\n### ")[0]
    (shell,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (line,) = re.findall(r"^```yaml\n(password: .*)\n```$", section, re.MULTILINE)
    return shell, line


def test_every_recipe_of_the_page_is_tried() -> None:
    recipes = PAGE.read_text().partition("\n## Recipes\n")[2]
    assert re.findall(r"^### (.*)$", recipes, re.MULTILINE) == list(RECIPES)


@pytest.mark.parametrize(
    "title", [pytest.param(title, marks=needs(*RECIPES[title].needs)) for title in RECIPES]
)
def test_recipe(title: str, tmp_path: Path) -> None:
    home, recipe = tmp_path, RECIPES[title]
    shell, line = fences(title)
    environment = {
        "HOME": str(home),
        "GNUPGHOME": str(home / "gnupg"),
        "SYSTEMD_CREDENTIAL_SECRET": str(home / "host.secret"),
        "EDITOR": str(home / "editor"),
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "LC_ALL": "C.UTF-8",
    }
    (home / "text").write_text(recipe.edited)
    (home / "editor").write_text(f'#!/bin/sh\ncat "{home}/text" > "$1"\n')
    (home / "editor").chmod(0o700)
    recipe.before(home)
    run("sh", "-ec", shell, cwd=home, env=environment, input=recipe.typed)
    (home / "text").unlink()
    plain = [
        p for p in home.rglob("*") if p.is_file() and SECRET in p.read_bytes().decode("latin-1")
    ]
    assert plain == [], "the secret is kept encrypted"

    spec = SMALLEST.replace("password: {env: OM_DB_PASSWORD}", line)
    assert line in spec
    (home / "cluster.yaml").write_text(spec)
    revealed = omconf("build", "-o", "revealed", "--reveal-secrets", cwd=home, env=environment)
    assert revealed.code == 0, revealed.err
    lay(home, "right")
    lay(home, "wrong", password="another")
    assert plan(home, "right", environment) == (0, [], [])
    assert plan(home, "wrong", environment) == (0, ["different"], [])
    assert plan(home, "wrong", environment, "--require-secrets") == (0, ["different"], [])

    if title == "pass":
        run("gpgconf", "--kill", "all", env=environment)
    (home / recipe.key).rename(home / "gone")
    assert omconf("build", "-o", "bundles", cwd=home, env=environment).code == 0, "it reads none"
    assert plan(home, "wrong", environment) == (0, [], ["warning OM322"])
    assert plan(home, "wrong", environment, "--require-secrets") == (1, [], ["error OM322"])
    if title == "pass":
        run("gpgconf", "--kill", "all", env=environment, check=False)


def lay(home: Path, tree: str, password: str = "") -> None:
    """Lay the revealed file of a node as deployed; another password can take the place of its own."""
    file = home / tree / "om1" / PERSISTENCE
    file.parent.mkdir(parents=True)
    text = (home / "revealed/om1/files" / PERSISTENCE).read_text()
    file.write_text(re.sub("Password=.*", f'Password={password}"/>', text) if password else text)


def plan(
    home: Path, tree: str, environment: dict[str, str], *options: str
) -> tuple[int, list[str], list[str]]:
    """Plan one node; return the change of the password, and its findings."""
    words = ("plan", "--deployed", tree, "--json", "--node", "om1", *options)
    done = omconf(*words, cwd=home, env=environment)
    assert not any(part in done.out + done.err for part in ("s3cret", "'cluster'", "another"))
    found = json.loads(done.out)
    changed = [c for c in found["changes"] if c["kind"] == "persistence"]
    said = [item["secret"] for c in changed for item in c["items"]]
    wrong = [f"{d['severity']} {d['rule']}" for d in found["diagnostics"] if d["rule"] == "OM322"]
    return done.code, said, wrong
