"""No module of omconf opens, makes or removes a file by itself: `omconf/files/` does so safely."""

from __future__ import annotations

import ast

import pytest

from tests.command import ROOT

PACKAGE = ROOT / "omconf"

NAMES = {"open", "TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"}
NAMES |= {"TemporaryDirectory", "SpooledTemporaryFile"}
"""Functions that open or make a file, by whatever name their module was imported."""
METHODS = {"open", "fdopen", "read_text", "read_bytes", "write_text", "write_bytes", "touch"}
METHODS |= {"mkdir", "makedirs", "rmdir", "removedirs", "unlink", "hardlink_to"}
METHODS |= {"symlink", "symlink_to", "rename", "renames", "chmod", "chown", "truncate"}
METHODS |= {"mkfifo", "mknod", "rmtree", "copyfile", "copytree", "copy2", "scandir"}
METHODS |= {"memory_map", "iterparse", "extractall"}
"""The same of `os`, `pathlib`, `shutil`, `io`, `zipfile`, `tarfile`."""
OF_OS = {"remove", "replace", "copy", "move", "link"}
"""Names that are so common that they count with their module alone."""
MODULES = {"os", "shutil"}

ALLOWED = {
    "ansible/project/action_plugins/omconf_node.py": (["open"], "a plugin of Ansible's; beside it"),
    "ansible/kept.py": (["(PROJECT / name).read_bytes"], "ships with omconf"),
    "pipeline/kept.py": (["os.makedirs"], "the folder that the user names, or its own in it"),
    "ansible/session.py": (
        ["path.write_text", "tempfile.TemporaryDirectory", "tempfile.TemporaryFile"],
        "a folder of its own, for a socket",
    ),
    "apply/carrier.py": (["PROGRAM.read_bytes"], "ships with omconf"),
    "artifacts/node_check.py": (["TEXT.read_text"], "ships with omconf"),
    "adopt/sources.py": (["SCRIPT.read_bytes"], "ships with omconf"),
    "deployed/reader.py": (["SCRIPT.read_bytes"], "ships with omconf"),
    "views/html.py": (["_STYLE.read_text"], "ships with omconf"),
    "spec/programs.py": (["files('tzdata').joinpath('zones').read_text"], "ships with tzdata"),
    "bundle/directory.py": (["os.scandir"], "names of DIR alone; see decision 21"),
    "cli/__init__.py": (
        ["open", "open", "os.open", "os.open"],
        "standard streams, and /dev/null in the place of closed ones",
    ),
    "cli/init.py": (["schema.unlink"], "the schema that it made itself a moment before"),
    "bundle/writer.py": (["os.unlink"], "its own .gitignore, by DIR's descriptor"),
    "deployed/git_objects.py": (["tempfile.TemporaryFile"], "has no name"),
    "deployed/git_stand_in.py": (
        ["os.makedirs", "os.symlink", "os.symlink", "tempfile.TemporaryDirectory"],
        "a private folder of its own, and links in it",
    ),
    "process.py": (["tempfile.TemporaryFile"], "has no name"),
    "schema/official.py": (["archive.open"], "a member of an archive that files.read opened"),
    "resources.py": (
        ["_shipped('rule_pages', 'docs/rules', f'{rule}.md').read_text"],
        "ships with omconf",
    ),
    "releases/hazelcast_elements.py": (["FILE.read_text"], "ships with omconf"),
    "releases/inspect.py": (["jar.open"], "a member of an archive that files.read opened"),
}
"""By module: calls, and why they are safe."""


def calls(source: str) -> list[str]:
    """What a module calls that opens, makes or removes a file, as it is written there."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in NAMES:
            found.append(function.id)
        if isinstance(function, ast.Attribute):
            module = function.value.id if isinstance(function.value, ast.Name) else ""
            name = function.attr
            if name in METHODS | NAMES or (name in OF_OS and module in MODULES):
                found.append(ast.unparse(function))
        if isinstance(function, ast.Attribute | ast.Name):
            name = function.attr if isinstance(function, ast.Attribute) else function.id
            path = node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            if name == "ZipFile" and path:
                found.append(ast.unparse(function))
    return sorted(found)


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(str(path) for path in paths if path.parts[0] != "files")


@pytest.mark.parametrize("module", modules())
def test_files_are_opened_in_one_place(module: str) -> None:
    allowed, _ = ALLOWED.get(module, ([], ""))
    found = calls((PACKAGE / module).read_text("utf-8"))
    assert found == allowed, f"{module}: omconf/files/ reads and writes, or ALLOWED says why not"


@pytest.mark.parametrize("module", modules())
def test_where_nothing_may_be_looked_for_no_question_raises(module: str) -> None:
    """`Path.exists` and its like raise where a folder may not be searched; those of os.path do not."""
    asked = [
        ast.unparse(node)
        for node in ast.walk(ast.parse((PACKAGE / module).read_text("utf-8")))
        if isinstance(node, ast.Call)
        and not node.args
        and not node.keywords
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("exists", "is_file", "is_dir", "is_fifo", "is_symlink")
    ]
    assert asked == []


def test_what_is_allowed_is_there() -> None:
    assert ALLOWED.keys() <= {*modules()}


@pytest.mark.parametrize(
    "source",
    [
        "open('x')",
        "with open(os.open(path, 0), 'rb') as file: pass",
        "Path(path).read_text()",
        "path.write_bytes(data)",
        "os.replace(a, b)",
        "shutil.copy(a, b)",
        "os.unlink(a)",
        "tempfile.mkstemp()",
        "from tempfile import mkstemp\nmkstemp()",
        "io.open(path)",
        "os.scandir(path)",
        "zipfile.ZipFile('x.jar')",
    ],
)
def test_a_call_is_found(source: str) -> None:
    assert calls(source)
