"""No secret leaves its place: every command and option, under strace, in a world full of secrets.

`planted.py` plants them and looks for them, `traced.py` watches. The commands and options are the
application's own: one without a case here fails by its name.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.main import get_command

from omconf.cli.app import application
from tests.command import omconf
from tests.needs import ANSIBLE, fixture_needs, needs
from tests.real.planted import CLUSTER, HAZELCAST, PERSISTENCE, PROPERTIES, World, leaks
from tests.real.traced import Run, changes_of_others, traced

PASSWORD_LINE = f"om1:/{PERSISTENCE}:55"
SPECS = ("plain.yaml", "weak.yaml", "properties.yaml", "torn.yaml", "tab.yaml", "unread.yaml")
OUT = "{case}/out"
PLAN = "plan --deployed deployed"
CASES = f"""
    --version
    --help
    --no-color validate
    init {{case}}/new.yaml
    init cluster.yaml --no-color
    validate --no-color
    validate plain.yaml --format json
    validate weak.yaml --format human
    validate properties.yaml --format github
    validate torn.yaml --format sarif
    validate torn.yaml --format codequality
    validate tab.yaml
    validate no-such.yaml
    validate --hazelcast-jar no.jar
    build -o {OUT}
    build third.yaml --output {OUT} --no-color
    build unread.yaml -o {OUT}
    build plain.yaml -o {OUT}
    build properties.yaml -o {OUT}
    build -o {OUT} --hazelcast-jar no.jar
    build -o kept
    build -o bundles --check
    build -o filled --check
    build -o deployed --check
    build -o {OUT} --check --reveal-secrets
    build plain.yaml -o {OUT} --strict
    validate - --strict
    build unread.yaml -o {OUT} --reveal-secrets
    {PLAN}
    {PLAN} second.yaml --json
    {PLAN} third.yaml --markdown
    {PLAN} --markdown --max-chars 1000
    {PLAN} third.yaml --html {OUT}
    {PLAN} --html cluster.yaml --out {OUT}
    {PLAN} --strict-format --no-color
    {PLAN} --quiet --detailed-exitcode --strict
    {PLAN} --out {OUT}
    {PLAN} --out cluster.yaml
    {PLAN} --node om1 --node om3
    {PLAN} --node nobody
    {PLAN} unread.yaml
    {PLAN} unread.yaml --json --out {OUT}
    {PLAN} unread.yaml --require-secrets
    {PLAN} plain.yaml --json
    plan second.yaml --local om2 --root deployed/om2
    plan --local om3 --root deployed/om3 --json
    plan --local om4 --root deployed/om4 --out {OUT} --markdown
    plan local.yaml --local om2 --out {OUT}
    plan local.yaml --ssh --out {OUT}
    plan local.yaml --ssh --sudo --json --timeout 20
    plan local.yaml --ansible --out {OUT} --keep {{case}}/project
    plan plain.yaml --ansible --inventory no-such
    plan --git HEAD --output repo/bundles
    plan --git HEAD -o repo/filled --json --out {OUT}
    plan --deployed deployed --git HEAD -o repo/filled
    plan --git no-such -o repo/bundles
    plan --deployed bundles
    plan --deployed no-such
    plan --deployed kept/turn
    plan
    import --deployed filled
    import --deployed deployed --json
    import --deployed deployed -o {{case}}/imported.yaml --explicit
    import --local om2 --root deployed/om2
    import --ssh --host om1 --host om2 --sudo --timeout 5 --no-color
    import --deployed deployed --node om2 --name om2=new --release 9.1.0 --output {{case}}/new.yaml
    import --deployed deployed --into plain.yaml
    apply third.yaml --local om1 --root {{case}} --yes --reason words
    apply --local om1 --root {{case}} -y --json --strict-format --no-color
    apply --local om1 --root {{case}} --dry-run
    apply --local om1 --root {{case}}
    apply unread.yaml --local om1 --root {{case}} --yes
    apply saved.json --no-undo --health-timeout 5 --lock-timeout 1 --break-lock 1
    apply no-plan.json --json
    apply plain.yaml --ssh --sudo --timeout 5 --node om1 --yes --drain 1s --force
    apply plain.yaml --ansible --inventory no-such --keep {{case}}/project
    apply --ssh --confirm-each
    undo --local om1 --root {{case}} --yes --reason words --no-color
    undo --local om2 --root deployed/om2 --json --id 12345678 --lock-timeout 1 --break-lock 1
    undo plain.yaml --ssh --sudo --timeout 5
    undo plain.yaml --ansible --inventory no-such
    log plain.yaml --ssh --sudo --timeout 5
    log plain.yaml --ansible --inventory no-such
    log --local om1 --root {{case}}
    log --local om2 --root deployed/om2 --json --no-color
    show saved.json
    show saved.json --json --detailed-exitcode
    show saved.json --markdown --max-chars 2000 --no-color
    show saved.json --html {OUT}
    show no-plan.json
    show torn.plan
    show deployed/om2/{PERSISTENCE}
    show deployed/om2/{PROPERTIES} --json
    graph
    graph --format dot --no-color
    graph --format mermaid
    graph weak.yaml --format svg
    explain OM106
    explain {PASSWORD_LINE}
    explain {PASSWORD_LINE} --json --spec third.yaml
    explain filled/om1/files/{PERSISTENCE} --no-color
    explain filled/om1/keys/{PROPERTIES}
    explain om2:/etc/omconf/conference/storage.credentials
    explain filled/database/postgresql.sql
    explain om1:/no-such-file
    explain {PASSWORD_LINE} --spec plain.yaml
    explain {PASSWORD_LINE} --spec torn.yaml --json
    verify
    verify local.yaml --local om2 --verbose --no-color
    verify local.yaml --local om2 --json
    verify local.yaml --ssh --node om1 --timeout 5
    verify plain.yaml --ansible --inventory no-such --sudo
    verify plain.yaml --ssh --json
    schema
    schema --markdown
    schema --plan
    schema --events --no-color
    doctor unread.yaml
    doctor second.yaml --json --no-color
    doctor plain.yaml --ssh --sudo --timeout 5
    doctor plain.yaml --ansible --inventory no-such
    rules
    rules --json --no-color
    releases
    releases --json --no-color
    completion bash --no-color
    help plan --no-color
    releases --read stock
    releases --read deployed/om2
    no-such-command
    plan --no-such-option
"""
COMMANDS = tuple(line.strip() for line in CASES.strip().splitlines())
ON_A_NODE = ("network namespaces", "mount namespaces", "ssh")
ON_ITSELF = """
ip link set lo up
cp -a /etc {case}/etc
cp -a {etc}/. {case}/etc
mount --bind {case}/etc /etc
mount -t tmpfs tmpfs /mnt
cp -a {home}/. /mnt
mount --bind local/om2/files/usr/local/sbin /usr/local/sbin
exec "$@"
"""
"""Makes this host the node om2, and all that it reaches: its own files, or those by hand."""


def of(command: str) -> tuple[str, ...]:
    """What a command needs."""
    # The newest one has a server of its own, for which a traced process is too slow.
    ansible = ("oldest ansible",) if "--ansible" in command else ()
    return (*ON_A_NODE, *ansible) if "local.yaml" in command else ()


@pytest.fixture(scope="session")
@fixture_needs("git")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


class Watch:
    """Runs omconf in the world, traced, with a folder of its own for what it may write."""

    def __init__(self, world: World, case: Path) -> None:
        self.world, self.case = world, case
        (case / "tmp").mkdir()
        self.environment = {
            **world.environment,
            "PATH": os.environ["PATH"],
            "HOME": str(case),
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __call__(
        self,
        command: str,
        *before: str,
        around: tuple[str, ...] = (),
        code: str = "",
        **environment: str,
    ) -> Run:
        words = command.replace("{case}", str(self.case)).split()
        return traced(
            *words,
            cwd=self.world.folder,
            folder=self.case,
            env={**self.environment, **environment},
            around=around,
            before=before,
            code=code,
        )

    def leaks(self, run: Run) -> dict[str, list[str]]:
        """Where secrets are that should not be anywhere."""
        places = {"stdout": run.out, "stderr": run.err, "texts of system calls": run.heard()}
        places |= {str(path): path.read_bytes() for path in self.left()}
        found = {place: leaks(data, self.world.secrets) for place, data in places.items()}
        return {place: names for place, names in found.items() if names}

    def left(self) -> Iterator[Path]:
        """The files that omconf left in its folder."""
        own = {self.case / name for name in ("strace", "stdout", "stderr")}
        return (p for p in self.case.rglob("*") if p.is_file() and p not in own)


@pytest.fixture
@fixture_needs("tracing")
def watch(world: World, tmp_path: Path) -> Watch:
    return Watch(world, tmp_path)


def options_of(command: Any) -> set[str]:
    """The options of a command; of one that has choices each."""
    options = set()
    for parameter in command.params:
        names = [n for n in (*parameter.opts, *parameter.secondary_opts) if n.startswith("--")]
        if isinstance(parameter.default, Enum):
            options |= {f"{name} {c.value}" for name in names for c in type(parameter.default)}
        else:
            options |= set(names)
    return options


def test_every_command_and_option_has_a_case() -> None:
    group: Any = get_command(application())
    assert {"--format dot", "--format svg"} <= options_of(group.commands["graph"])
    for name, command in {"": group, **group.commands}.items():
        cases = [c for c in COMMANDS if c.split()[0] == name or (not name and c[0] == "-")]
        assert cases, f"no case runs `omconf {name}`"
        assert not name or not hasattr(command, "commands"), f"look into `{name}` too"
        covered = " ".join(f"{case} " for case in cases)
        lacking = [o for o in sorted(options_of(command)) if f" {o} " not in f" {covered}"]
        assert not lacking, f"no case runs `omconf {name}` with {', '.join(lacking)}"


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=needs(*of(c))) for c in COMMANDS],
)
def test_nothing_leaves_its_place(watch: Watch, command: str) -> None:
    around: tuple[str, ...] = ()
    applies = command.startswith("apply")
    path = watch.environment["PATH"]
    if "local.yaml" in command:
        etc, home = ("local/om2/files/etc", "local/om2/files/mnt")
        if command.startswith("plan"):
            etc, home = ("deployed/om2/etc", "deployed/om2/opt")
            path = f"{watch.world.folder}/commands:{ANSIBLE / 'oldest/bin'}:{path}"
        script = ON_ITSELF.format(case=watch.case, etc=etc, home=home)
        around = ("unshare", "-mn", "sh", "-ec", script, "sh")
    run = watch(command, around=around, PATH=path)
    assert b"unforeseen" not in run.err, run.err
    assert run.code in (0, 1, 2), run.err
    if around:
        seen = b"kurento.turn.secret" if command.startswith("plan") else b"it is 600 root:root"
        assert seen in run.out or "verify local.yaml --ssh" in command, "the files are there"
        shutil.rmtree(watch.case / "etc")
    elif not applies:  # mkdir -p names folders from where it has gone; tests/apply looks at trees
        assert changes_of_others(run, watch.case) == []
    found = watch.leaks(run)
    if (
        applies
    ):  # a secret goes through a pipe to the program that writes it, into closed files alone
        found.pop("texts of system calls", None)
        started = b"".join(text for call in run.of("execve") for text in call.texts)
        assert leaks(started, watch.world.secrets) == []
        found = {place: names for place, names in found.items() if not _closed(place)}
    assert found == {}
    reads = command.startswith(("plan", "doctor")) or "--reveal-secrets" in command
    if not reads and not applies:
        assert run.secrets_read(watch.world.folder) == []


def _closed(place: str) -> bool:
    """Tell whether a secret stands in a file that its owner alone may read."""
    return place.startswith("/") and Path(place).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("build -o {case}/out --reveal-secrets", "omconf.bundle.writer.write"),
        (PLAN, "omconf.plan.items.secret"),
        (PLAN, "omconf.secrets.Secret.__eq__"),
    ],
)
def test_an_unforeseen_error(watch: Watch, command: str, place: str, debug: str) -> None:
    module, name = re.fullmatch(r"(omconf\.[a-z.]+)\.([\w.]+)", place).groups()  # type: ignore[union-attr]
    code = f"import {module} as module\ndef fail(*words, **named): raise RuntimeError(words[-1])\n"
    run = watch(command, code=f"{code}module.{name} = fail", OMCONF_DEBUG=debug)
    assert run.code == 1
    assert (b"Traceback" if debug else b"an unforeseen RuntimeError") in run.err
    assert watch.leaks(run) == {}


@pytest.mark.parametrize("spec", SPECS)
def test_a_secret_in_the_spec_itself(world: World, spec: str) -> None:
    for form in ("human", "json", "github", "sarif"):
        said = omconf("validate", spec, "--format", form, cwd=world.folder)
        assert said.code == (spec != "unread.yaml")
        assert leaks((said.out + said.err).encode(), world.secrets) == []


@pytest.mark.parametrize(
    "change",
    [
        ("  om5: .*\n", ""),
        ("storage: .*", "storage: {kind: nfs, server: om1}"),
        ("(?s)kurento:.*nodes:", "nodes:"),
    ],
)
def test_a_filled_in_file_that_the_spec_no_longer_has(
    world: World, tmp_path: Path, change: tuple[str, str]
) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(re.sub(*change, (world.folder / "cluster.yaml").read_text()))
    said = omconf("build", spec, "-o", "filled", "--check", cwd=world.folder)
    assert said.code == 2
    assert leaks((said.out + said.err).encode(), world.secrets) == []


REVEAL = "build --reveal-secrets -o {case}/"


def test_revealed_secrets_stand_in_the_staging_alone(watch: Watch) -> None:
    run = watch(REVEAL + "out", "sh", "-c", 'umask 0; exec "$@"', "sh")
    out = watch.case / "out"
    assert run.code == 0, run.err
    assert changes_of_others(run, watch.case) == []
    first = next(call for call in run.of("mkdir", "mkdirat") if call.path == str(out))
    assert re.search(rb", 0700$", first.arguments)
    assert out.stat().st_mode & 0o777 == 0o700
    for call in run.of("openat", "open"):
        if b"O_CREAT" in call.arguments and call.path != "/dev/null":
            assert call.path.startswith(f"{out}/")
            assert b"O_EXCL|O_NOFOLLOW" in call.arguments
            assert re.search(rb", 0[06]{3}$", call.arguments)
    secret = {name: watch.world.secrets[name] for name in CLUSTER}
    written = [call for call in run.of("write") if leaks(call.texts[0], secret)]
    commands = {c.process for c in run.of("execve") if c.texts[0].startswith(b"./commands/")}
    assert len([c for c in written if c.process in commands]) == 2
    ours = [c for c in written if c.process not in commands]
    assert all(call.path.startswith(f"{out}/") for call in ours)
    assert len(ours) == sum(1 for path in watch.left() if leaks(path.read_bytes(), secret)) == 20
    assert {Path(p).name for p in run.secrets_read(watch.world.folder)} == {
        "storage",
        "turn",
        "salt",
        "parameter",
    }
    found = set().union(*(leaks(path.read_bytes(), secret) for path in watch.left()))
    assert {name.partition(":")[0] for name in found} == set(CLUSTER), "the search finds them"
    assert leaks(run.out + run.err, watch.world.secrets) == []
    assert [leaks(b"\0".join(words), watch.world.secrets) for words in run.programs()] == [[]] * 4
    listed = json.loads((out / "om2/manifest.json").read_text())["files"]
    modes = {e["path"]: int(e["mode"], 8) for e in listed if e["ownership"] == "file"}
    for path, mode in modes.items():
        assert (out / f"om2/files{path}").stat().st_mode & 0o777 == mode
    assert modes[f"/{PERSISTENCE}"] == 0o600
    assert modes[f"/{HAZELCAST}"] == 0o644


@pytest.mark.parametrize(
    "target",
    ["repo/out", "repo", "repo/sub/deep/out", "link/out", "link", "out/../repo/out", "link/../out"],
)
@pytest.mark.parametrize("git", ["folder", "file"])
def test_a_staging_in_a_git_work_tree_is_refused(watch: Watch, target: str, git: str) -> None:
    repo = watch.case / "repo"
    (repo / "sub").mkdir(parents=True)
    (watch.case / "out").mkdir()
    (watch.case / "link").symlink_to("repo/sub")
    if git == "folder":
        (repo / ".git").mkdir()
    else:
        (repo / ".git").write_text("gitdir: elsewhere\n")
    run = watch(REVEAL + target)
    assert run.code == 1
    assert b"OM406" in run.err
    assert run.of("mkdir", "mkdirat") == []
    assert watch.leaks(run) == {}


def test_a_staging_that_others_may_enter_is_refused(watch: Watch) -> None:
    (watch.case / "out").mkdir(mode=0o755)
    run = watch(REVEAL + "out")
    assert b"OM405" in run.err
    assert list((watch.case / "out").iterdir()) == []
    assert watch.leaks(run) == {}


@needs("prlimit")
@pytest.mark.parametrize("most", [700, 3000, 4000])
def test_a_staging_whose_build_fails_is_gone(watch: Watch, most: int) -> None:
    run = watch(REVEAL + "above/out", "prlimit", f"--fsize={most}")
    assert run.code == 1
    assert list(watch.left()) == []
    assert not (watch.case / "above").exists()
    made = [call.path for call in run.of("mkdir", "mkdirat")]
    assert str(watch.case / "above/out") in made, "it was begun"
    assert leaks(run.out + run.err, watch.world.secrets) == []


def test_a_command_that_runs_too_long_ends_without_a_word_of_it(watch: Watch) -> None:
    code = "import omconf.secret_sources as s; s.COMMAND_SECONDS = 0.2"
    slow = watch.world.folder / "commands/slow"
    text = (
        f"#!/bin/sh\nprintf '%s\\n' {watch.world.secrets['a command that fails']}\nexec sleep 60\n"
    )
    slow.write_text(text)
    slow.chmod(0o700)
    spec = (watch.world.folder / "unread.yaml").read_text().replace("/fails]", "/slow]")
    (watch.world.folder / "slow.yaml").write_text(spec)
    run = watch(f"{PLAN} slow.yaml", code=code)
    assert b"gives none: no response in 0.2 seconds" in run.err
    assert watch.leaks(run) == {}


def test_the_search_finds_every_encoding(world: World) -> None:
    text = world.secrets["database"]
    data = text.encode()
    encoded = [
        text,
        text.replace(" ", "\n"),
        html.escape(text),
        quote(text, safe=""),
        shlex.quote(text),
        json.dumps(text),
        repr(data),
        "".join(f"%{byte:02X}" for byte in data),
        data.hex(),
        *(
            base64.b64encode(b"." * n + data + b"!" * m).decode()
            for n in range(5)
            for m in range(5)
        ),
        *(base64.urlsafe_b64encode(b"." * n + data).decode() for n in range(5)),
        *(hashlib.new(a, data).hexdigest() for a in ("md5", "sha1", "sha256")),
        hashlib.sha256(data + b"\n").hexdigest(),
    ]
    for found in encoded:
        assert leaks(f"<{found}>".encode(), {"database": text}), found
    assert leaks(text.encode("utf-16"), {"database": text})
    assert leaks(text[:10].encode(), world.secrets) == []
    assert leaks(b"".join(s.encode() for s in world.environment), world.secrets) == []
