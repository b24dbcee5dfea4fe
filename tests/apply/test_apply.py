"""`omconf apply --local NODE --root DIR`: exactly the planned bytes, or nothing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from omconf.pipeline import apply_saved
from omconf.planfile import events
from tests.apply.trees import SECRET, STATE, Tree
from tests.command import ROOT, omconf
from tests.needs import needs

CLASSES = "/opt/om/webapps/openmeetings/WEB-INF/classes"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
SETENV = "/opt/om/bin/setenv.sh"
EXPORTS = "/etc/exports"
KURENTO: dict[str, Any] = {"kurento": {"url": "ws://10.1.1.9:8888/kurento"}}
PROPERTIES = f"{CLASSES}/openmeetings.properties"


def lines(out: str) -> list[dict[str, object]]:
    """The events of a run, each held against the schema."""
    validator = jsonschema.Draft202012Validator(events.schema())
    found = [json.loads(line) for line in out.splitlines()]
    for line in found:
        validator.validate(line)
    return found


def test_a_first_apply_lays_what_a_build_reveals(tree: Tree, shell: dict[str, str]) -> None:
    done = tree.run("apply", "--yes", env=shell)
    assert done.code == 0, done.out + done.err
    revealed = tree.folder / "revealed"
    built = omconf("build", tree.spec, "-o", revealed, "--reveal-secrets", env=SECRET)
    assert built.code == 0, built.err
    listing = json.loads((revealed / "om1/manifest.json").read_text())
    for entry in listing["files"]:
        part = {"file": "files", "block": "blocks", "keys": "keys"}[entry["ownership"]]
        wanted = (revealed / "om1" / part / entry["path"][1:]).read_bytes()
        place = tree.root / entry["path"][1:]
        assert place.read_bytes() == wanted
        assert f"{place.stat().st_mode & 0o7777:04o}" == entry["mode"]
    manifest = tree.read("/etc/omconf/conference/manifest.json")
    assert manifest == (revealed / "om1/manifest.json").read_bytes()
    again = tree.run("apply", "--yes", env=shell)
    assert (again.code, again.out.splitlines()[-1]) == (0, "Nothing to do.")
    assert not list(tree.root.rglob(".omconf-*"))


def test_what_others_wrote_stays_to_the_byte(tree: Tree, shell: dict[str, str]) -> None:
    tree.write_spec(**KURENTO)
    latin = b"# caf\xe9\r\n/srv *(ro)\r\n/opt/omdata 10.1.1.2(rw,async)\r\n# end"
    tree.put(EXPORTS, latin).chmod(0o640)
    tree.put(SETENV, 'JAVA_OPTS="$JAVA_OPTS -Xmx2g"').chmod(0o750)
    tree.put(PROPERTIES, b"# caf\xe9\nkurento.ws.url = ws://127.0.0.1:8888/kurento\nx\\\n = y")
    before = tree.contents()
    assert tree.run("apply", "--yes", env=shell).code == 0
    exports = tree.read(EXPORTS)
    assert exports.startswith(b"# caf\xe9\r\n/srv *(ro)\r\n# end\r\n# BEGIN omconf: conference\r\n")
    assert (tree.root / "etc/exports").stat().st_mode & 0o7777 == 0o640
    assert tree.read(SETENV).startswith(b'JAVA_OPTS="$JAVA_OPTS -Xmx2g"\n# BEGIN omconf')
    assert b"ws://10.1.1.9:8888/kurento" in tree.read(PROPERTIES)
    done = tree.run("undo", "--yes", env=shell)
    assert (done.code, done.err) == (0, "")
    assert tree.contents() == before


def test_a_change_and_the_way_back(tree: Tree, shell: dict[str, str]) -> None:
    assert tree.run("apply", "--yes", env=shell).code == 0
    first = tree.contents()
    tree.write_spec(4, openmeetings={"timezone": "Europe/Berlin"})
    assert tree.run("apply", "--yes", "--reason", "a third node", env=shell).code == 0
    second = tree.contents()
    assert b"10.1.1.4" in second["etc/exports"][0]
    assert tree.run("undo", "--yes", env=shell).code == 0
    assert tree.contents() == first
    assert tree.run("undo", "--yes", env=shell).code == 0
    assert tree.contents() == {}
    none = tree.run("undo", "--yes", env=shell)
    assert (none.code, none.out.splitlines()[0]) == (0, "Nothing to do.")
    log = json.loads(tree.run("log", "--json").out)["entries"]
    assert [e["what"] for e in log] == ["undo", "undo", "apply", "apply"]
    assert [e["outcome"] for e in log] == ["undone", "undone", "applied", "applied"]
    assert log[2]["reason"] == "a third node"
    assert log[1]["of"] == log[2]["id"]
    assert not any(e["stands"] for e in log)


def test_only_the_last_apply_is_taken_back(tree: Tree) -> None:
    assert tree.run("apply", "--yes").code == 0
    (first,) = json.loads(tree.run("log", "--json").out)["entries"]
    tree.write_spec(3)
    assert tree.run("apply", "--yes").code == 0
    before = tree.contents()
    refused = tree.run("undo", "--yes", "--id", first["id"])
    assert (refused.code, "OM604" in refused.err) == (1, True)
    assert tree.contents() == before


def test_a_dry_run_changes_nothing(tree: Tree) -> None:
    done = tree.run("apply", "--dry-run")
    assert (done.code, done.out.splitlines()[-1].split(".")[0]) == (0, "All checks passed")
    assert tree.contents() == {}


def test_a_dry_run_leaves_what_an_interrupted_apply_staged(
    tree: Tree, shell: dict[str, str]
) -> None:
    left = tree.put("/etc/.omconf-0123456789abcdef", "staged")
    journal = tree.root / STATE / "conference/journal"
    journal.mkdir(parents=True)
    (journal / "000001.staged").write_text("/etc/exports|.omconf-0123456789abcdef\n")
    copy = tree.root / STATE / "conference/pending/x.before"
    copy.parent.mkdir()
    copy.write_text("x")
    before = tree.contents()
    assert tree.run("apply", "--dry-run", env=shell).code == 0
    assert tree.contents() == before
    assert copy.exists()
    assert tree.run("apply", "--yes", env=shell).code == 0
    assert not left.exists()
    assert not copy.exists()


def test_without_a_person_an_approval_is_needed(tree: Tree) -> None:
    done = tree.run("apply")
    assert (done.code, "OM603" in done.err) == (1, True)
    assert list(tree.root.iterdir()) == []


def test_events_as_json(tree: Tree) -> None:
    done = tree.run("apply", "--yes", "--json")
    found = lines(done.out)
    assert (found[0]["event"], found[-1]["event"]) == ("plan", "end")
    assert found[-1]["outcome"] == "applied"
    refused = lines(tree.run("apply", "--yes", "--json", env={"OM_DB_PASSWORD": ""}).out)
    assert refused[-1]["outcome"] in ("unchanged", "refused")
    assert lines(tree.run("undo", "--yes", "--json").out)[-1]["outcome"] == "undone"


def test_an_undo_says_first_what_becomes_of_files(tree: Tree) -> None:
    tree.put(EXPORTS, "# mine\n")
    assert tree.run("apply", "--yes", "--reason", "a first one").code == 0
    (entry,) = json.loads(tree.run("log", "--json").out)["entries"]
    tree.put(PERSISTENCE, tree.read(PERSISTENCE).replace(b"<!--", b"<!-- mine "))
    first, *rest = lines(tree.run("undo", "--yes", "--json").out)
    assert (first["event"], first["nodes"], first["of"]) == ("undo", ["om1"], entry["id"])
    assert (first["reason"], first["when"]) == ("a first one", entry["when"])
    files: Any = first["files"]
    becomes = {file["path"]: file["becomes"] for file in files}
    assert len(becomes) == len(files) > 3
    assert becomes.pop(EXPORTS) == "restored"
    assert becomes.pop(PERSISTENCE) == "kept"
    assert set(becomes.values()) == {"removed"}
    assert [f["path"] for f in files if "conflict" in f] == [PERSISTENCE]
    assert rest[-1]["outcome"] == "partial"


def test_the_schema_of_events_is_committed() -> None:
    schema = json.loads((ROOT / "schemas/events.schema.json").read_text())
    assert schema == events.schema()


class TestSavedPlans:
    def saved(self, tree: Tree) -> Path:
        plan = tree.folder / "plan.json"
        done = tree.run("plan", "--out", plan)
        assert done.code == 0, done.err
        return plan

    def test_it_is_the_approval(self, tree: Tree) -> None:
        done = omconf("apply", self.saved(tree), env=SECRET)
        assert done.code == 0, done.out + done.err
        assert omconf("apply", tree.folder / "plan.json", env=SECRET).code == 1  # it is done

    def test_a_second_time_it_says_that_it_was_applied(self, tree: Tree) -> None:
        plan = self.saved(tree)
        assert omconf("apply", plan, "--health-timeout", "20", env=SECRET).code == 0
        done = omconf("apply", plan, env=SECRET)
        assert (done.code, done.rules) == (1, ["OM601"])
        (entry,) = json.loads(tree.run("log", "--json").out)["entries"]
        assert f"{entry['when']} by {entry['by']}, applied, as {entry['id']}" in done.err
        # What was taken back is to be applied again.
        assert tree.run("undo", "--yes").code == 0
        assert omconf("apply", plan, env=SECRET).code == 0

    def test_all_that_it_shows_is_what_was_planned(self, tree: Tree) -> None:
        """Whoever passes it on could show anything else for the approval."""
        plan = self.saved(tree)
        document = json.loads(plan.read_text())
        other: dict[str, Any] = {
            "cluster": "staging",
            "has_changes": False,
            "complete": False,
            "summary": {**document["summary"], "create": 99},
            "diagnostics": [{"rule": "OM301", "severity": "error", "message": "other"}],
            "topology": {**document["topology"], "discovery": "other"},
        }
        compared = {key.partition(".")[0] for key in apply_saved.MOVED}
        assert document.keys() == {*compared, *other, "format_version", "source"}
        for key, value in other.items():
            plan.write_text(json.dumps({**document, key: value}))
            done = omconf("apply", plan, env=SECRET)
            assert (done.code, done.rules) == (1, ["OM601"]), key
        del document["topology"]  # as an earlier omconf saved it
        plan.write_text(json.dumps(document))
        assert omconf("apply", plan, env=SECRET).code == 0

    @pytest.mark.parametrize("moved", ["spec", "file", "plan"])
    def test_it_is_refused_when_something_moved(self, tree: Tree, moved: str) -> None:
        plan = self.saved(tree)
        if moved == "spec":
            tree.write_spec(3)
        elif moved == "file":
            tree.put(EXPORTS, "/srv *(ro)\n")
        else:
            text = plan.read_text().replace('"exportfs",\n', '"reboot",\n', 1)
            assert text != plan.read_text()
            plan.write_text(text)
        before = tree.contents()
        done = omconf("apply", plan, env=SECRET)
        assert (done.code, "OM601" in done.err) == (1, True)
        assert tree.contents() == before

    @pytest.mark.parametrize("options", [(), ("--strict-format",)])
    def test_the_command_that_plans_again(self, tree: Tree, options: tuple[str, ...]) -> None:
        plan = tree.folder / "om1's.plan"
        assert tree.run("plan", *options, "--out", plan).code == 0
        words = ("plan", tree.spec, "--local", "om1", "--root", tree.root, *options, "--out", plan)
        again = f": {shlex.join(['omconf', *map(str, words)])}\n"
        tree.write_spec(3)
        assert again in omconf("apply", plan, env=SECRET).err
        assert tree.run("plan", *options, "--out", plan).code == 0
        assert omconf("apply", plan, env=SECRET).code == 0
        done = omconf("apply", plan, env=SECRET)
        assert "already been applied" in done.err
        assert again in done.err

    @pytest.mark.parametrize("version", ["1.0", "1.2", "3.0"])
    def test_a_plan_of_another_format(self, tree: Tree, version: str) -> None:
        """One of format 1.0 is shown."""
        plan = self.saved(tree)
        document = {**json.loads(plan.read_text()), "format_version": version}
        plan.write_text(json.dumps(document))
        done = omconf("apply", plan, env=SECRET)
        assert (done.code, done.rules) == (1, ["OM332"])
        assert f"format {version}; this omconf shows 1.0 and 2.0, and applies 2.0." in done.err

    @pytest.mark.parametrize("place", ["om1.plan", "plans/of/om1.plan"])
    def test_it_works_from_any_folder(self, tree: Tree, place: str) -> None:
        self.planned_inside(tree, place)
        (tree.folder / "elsewhere").mkdir()
        done = omconf("apply", f"../{place}", cwd=tree.folder / "elsewhere", env=SECRET)
        assert done.code == 0, done.err
        assert tree.contents()
        again = omconf("apply", tree.folder / place, cwd=Path("/"), env=SECRET)
        assert (again.code, again.rules) == (1, ["OM601"])
        assert "already been applied" in again.err  # OM601 has more reasons

    def planned_inside(self, tree: Tree, place: str) -> None:
        (tree.folder / place).parent.mkdir(parents=True, exist_ok=True)
        words = ("plan", "cluster.yaml", "--local", "om1", "--root", "root", "--out", place)
        assert omconf(*words, cwd=tree.folder, env=SECRET).code == 0

    def test_it_names_no_folder_of_the_machine(self, tree: Tree) -> None:
        self.planned_inside(tree, "om1.plan")
        assert str(tree.folder) not in (tree.folder / "om1.plan").read_text()
        outside = tree.folder / "outside"
        outside.mkdir()
        (tree.folder / "inside").mkdir()
        words = ("plan", "../cluster.yaml", "--local", "om1", "--root", "../root", "--out")
        assert (
            omconf(*words, "../outside/om1.plan", cwd=tree.folder / "inside", env=SECRET).code == 0
        )
        assert "folder" not in json.loads((outside / "om1.plan").read_text())["binding"]
        # Its paths begin where it is applied.
        assert omconf("apply", outside / "om1.plan", cwd=Path("/"), env=SECRET).code == 1
        inside = tree.folder / "inside"
        assert omconf("apply", "../outside/om1.plan", cwd=inside, env=SECRET).code == 0

    @pytest.mark.parametrize("how", ["edited", "everybody's"])
    def test_no_other_spec_is_taken_for_its_own(self, tree: Tree, how: str) -> None:
        """Of a spec that somebody else put there, no command is run."""
        self.planned_inside(tree, "om1.plan")
        if how == "edited":
            text = tree.spec.read_text()
            command = f"{{command: [touch, {tree.folder}/ran]}}"
            tree.spec.write_text(text.replace("env: OM_DB_PASSWORD", command.strip("{}")))
            assert tree.spec.read_text() != text
        else:
            tree.folder.chmod(0o1777)
        done = omconf("apply", tree.folder / "om1.plan", cwd=Path("/"), env=SECRET)
        assert (done.code, done.rules) == (1, ["OM601"])
        assert not (tree.folder / "ran").exists()
        assert tree.contents() == {}

    def test_it_may_be_moved_where_its_spec_is_not(self, tree: Tree) -> None:
        self.planned_inside(tree, "om1.plan")
        moved = tree.folder / "elsewhere"
        moved.mkdir()
        (tree.folder / "om1.plan").rename(moved / "om1.plan")
        assert omconf("apply", "elsewhere/om1.plan", cwd=tree.folder, env=SECRET).code == 0

    @pytest.mark.parametrize(
        "source",
        [
            None,
            {"kind": "local", "node": "om1"},
            {"kind": "local", "root": "/"},
            {"kind": "ssh", "nodes": ["om1"]},
            {"kind": "ssh", "sudo": True},
            {"kind": "ansible", "sudo": True},
        ],
        ids=str,
    )
    def test_a_source_that_lacks_something(self, tree: Tree, source: object) -> None:
        plan = self.saved(tree)
        plan.write_text(json.dumps({**json.loads(plan.read_text()), "source": source}))
        done = omconf("apply", plan, env=SECRET)
        assert (done.code, done.rules) == (1, ["OM601"])
        assert tree.contents() == {}

    def test_a_spec_that_is_no_path(self, tree: Tree) -> None:
        plan = self.saved(tree)
        document = json.loads(plan.read_text())
        document["binding"]["spec"]["path"] = "cluster\0.yaml"
        plan.write_text(json.dumps(document))
        done = omconf("apply", plan, env=SECRET)
        assert (done.code, done.rules) == (1, ["OM601"])

    def test_it_is_of_this_host(self, tree: Tree) -> None:
        tree.root.rename(tree.folder / "om1")
        plan = tree.folder / "plan.json"
        omconf("plan", tree.spec, "--deployed", tree.folder, "--out", plan, env=SECRET)
        done = omconf("apply", plan, env=SECRET)
        assert (done.code, "--deployed" in done.err) == (1, True)


class TestNothingIsWrittenWhenAnythingIsWrong:
    def refused(self, tree: Tree, why: str, **more: dict[str, str]) -> None:
        before = tree.contents()
        done = tree.run("apply", "--yes", **more)
        assert done.code == 1
        assert why in done.err, done.err
        assert tree.contents() == before
        assert not (tree.root / STATE).exists() or not list(tree.root.rglob("*.about"))

    def test_a_secret_that_is_gone(self, tree: Tree) -> None:
        tree.spec.write_text(tree.spec.read_text().replace("OM_DB_PASSWORD", "OM_NO_PASSWORD"))
        self.refused(tree, "OM322")

    def test_an_owner_that_is_unknown(self, tree: Tree, shell: dict[str, str]) -> None:
        if os.geteuid() != 0:
            pytest.skip("owners are root's to set")
        tree.write_spec(openmeetings={"user": "no-such-user"})
        self.refused(tree, "no-such-user", env=shell)

    def test_a_link_that_leaves_the_tree(self, tree: Tree, shell: dict[str, str]) -> None:
        outside = tree.folder / "outside"
        outside.mkdir()
        (tree.root / "opt").mkdir()
        (tree.root / "opt/om").symlink_to(outside)
        self.refused(tree, "OM316", env=shell)
        # The plan follows it inside the tree, as the node would whose root that is.
        (tree.root / str(outside)[1:]).mkdir(parents=True)
        self.refused(tree, "outside of the tree", env=shell)
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("files", [(), ("bin/setenv.sh",)], ids=str)
    def test_a_link_that_leads_nowhere_on_this_host(
        self, tree: Tree, shell: dict[str, str], files: tuple[str, ...]
    ) -> None:
        """The plan follows it inside the tree; outside of it, there is nothing."""
        home = tree.root / "opt/om-9.not-here"
        home.mkdir(parents=True)
        for name in files:
            tree.put(f"/opt/{home.name}/{name}", "")
        (tree.root / "opt/om").symlink_to(f"/opt/{home.name}")
        self.refused(tree, "setenv.sh: a link leads outside of the tree", env=shell)

    def test_a_link_in_place_of_a_file(self, tree: Tree) -> None:
        (tree.root / "etc").mkdir()
        (tree.root / "etc/exports").symlink_to("/etc/passwd")
        self.refused(tree, "OM316")

    @needs("root", "chattr")
    @pytest.mark.parametrize("path", ["etc/exports", "etc"])
    def test_what_is_immutable(self, tree: Tree, path: str, shell: dict[str, str]) -> None:
        tree.put(EXPORTS, "")
        place = str(tree.root / path)
        if os.system(f"chattr +i '{place}' 2>/dev/null"):
            pytest.skip("this file system has no immutable files")
        try:
            self.refused(tree, "immutable", env=shell)
        finally:
            os.system(f"chattr -i '{place}'")

    @needs("root")
    def test_a_folder_of_somebody_elses(self, shell: dict[str, str]) -> None:
        """Written once, persistence.xml would be nobody's alone: no second apply could read it."""
        with tempfile.TemporaryDirectory(dir="/tmp") as name:
            os.chmod(name, 0o755)
            tree = Tree.of(Path(name))
            home = tree.root / "opt/om"
            home.mkdir(parents=True)
            shutil.chown(home, "daemon", "daemon")
            why = "/opt/om belongs to `daemon`, who could not read the file of `nobody` afterwards"
            self.refused(tree, why, env=shell)
            shutil.chown(home, "nobody", "nogroup")
            for size in ("2", "3"):
                tree.write_spec(database={"pool": {"maxTotal": size}})
                done = tree.run("apply", "--yes", env=shell)
                assert done.code == 0, done.err


def test_a_lock_is_named_and_broken(tree: Tree) -> None:
    from omconf.apply.carrier import local

    with local("conference", str(tree.root)) as holder:
        assert holder.ask("lock", "apply 1234abcd by somebody", "").ok
        held = tree.run("apply", "--yes")
        assert (held.code, "OM602" in held.err, "somebody" in held.err) == (1, True, True)
        assert tree.contents() == {}
        name = held.err.rpartition("--break-lock ")[2].split(".")[0]
        assert tree.run("apply", "--yes", "--break-lock", name).code == 0


def test_a_broken_lock_fences_its_holder_off(tree: Tree) -> None:
    from omconf.apply.carrier import local
    from omconf.apply.wire import FencedError

    with local("conference", str(tree.root)) as one, local("conference", str(tree.root)) as other:
        assert one.ask("lock", "the first", "").ok
        assert one.ask("begin", "{}", "{}").ok
        held = other.ask("lock", "the second", "")
        assert (held.ok, held.word(0)) == (False, "held")
        assert other.ask("lock", "the second", held.word(1)).ok
        for command in (("note", "begin 1"), ("stage", EXPORTS, ".omconf-0"), ("run", "9", ".id")):
            with pytest.raises(FencedError):
                one.ask(*command)
        assert other.ask("begin", "{}", "{}").ok


def test_a_lock_of_a_process_that_is_gone_is_taken(tree: Tree, shell: dict[str, str]) -> None:
    from omconf.apply.carrier import local

    with local("conference", str(tree.root)) as holder:
        assert holder.ask("lock", "apply 1234abcd by somebody", "").ok
        holder.process.kill()
        holder.process.wait()
    assert tree.run("apply", "--yes", env=shell).code == 0


class TestEditsSince:
    def test_what_others_add_to_a_block_file_stays(self, tree: Tree) -> None:
        tree.put(EXPORTS, "/opt/omdata 10.1.1.2(rw,async)\n# mine\n")
        tree.put(SETENV, "# mine\n")
        assert tree.run("apply", "--yes").code == 0
        for path in (EXPORTS, SETENV):
            tree.put(path, tree.read(path) + b"# later\n")
        done = tree.run("undo", "--yes")
        assert done.code == 0, done.err
        assert tree.read(EXPORTS) == b"# mine\n# later\n/opt/omdata 10.1.1.2(rw,async)\n"
        assert tree.read(SETENV) == b"# mine\n# later\n"

    def test_what_others_change_in_a_key_file_stays(self, tree: Tree) -> None:
        tree.write_spec(**KURENTO)
        tree.put(PROPERTIES, "a=1\nkurento.ws.url=ws://127.0.0.1:8888/kurento\n")
        assert tree.run("apply", "--yes").code == 0
        tree.put(PROPERTIES, tree.read(PROPERTIES).replace(b"a=1", b"a=2"))
        assert tree.run("undo", "--yes").code == 0
        assert tree.read(PROPERTIES) == b"a=2\nkurento.ws.url=ws://127.0.0.1:8888/kurento\n"

    def test_a_whole_file_that_was_edited_is_a_conflict(self, tree: Tree) -> None:
        assert tree.run("apply", "--yes").code == 0
        edited = tree.read(PERSISTENCE).replace(b"<!--", b"<!-- mine ")
        tree.put(PERSISTENCE, edited)
        done = tree.run("undo", "--yes", "--json")
        end = lines(done.out)[-1]
        assert (done.code, end["outcome"], PERSISTENCE in str(end["why"])) == (1, "partial", True)
        assert tree.read(PERSISTENCE) == edited
        assert not (tree.root / "etc/exports").exists()

    @pytest.mark.parametrize("ends", ["\n", "\r\n"])
    def test_a_block_that_was_edited_is_a_conflict(self, tree: Tree, ends: str) -> None:
        tree.put(EXPORTS, f"# mine{ends}")
        assert tree.run("apply", "--yes").code == 0
        tree.put(EXPORTS, tree.read(EXPORTS) + b"# later\n")
        edited = tree.read(EXPORTS).replace(b"root_squash", b"no_root_squash")
        written = tree.read(EXPORTS)
        tree.put(EXPORTS, edited)
        done = tree.run("undo", "--yes", "--json")
        end = lines(done.out)[-1]
        assert (done.code, end["outcome"], "/etc/exports" in str(end["why"])) == (
            1,
            "partial",
            True,
        )
        assert tree.read(EXPORTS) == edited
        tree.put(EXPORTS, written)
        assert tree.run("undo", "--yes").code == 0
        assert tree.read(EXPORTS) == f"# mine{ends}# later\n".encode()


def test_what_an_undo_leaves_alone_is_not_called_new(tree: Tree) -> None:
    tree.put(EXPORTS, "/srv *(ro)\n")
    assert tree.run("apply", "--yes").code == 0

    def undone() -> tuple[object, object]:
        end = lines(tree.run("undo", "--yes", "--json").out)[-1]
        return end["outcome"], end["nodes"][0]["files"]  # type: ignore[index]

    tree.put(EXPORTS, tree.read(EXPORTS).replace(b"root_squash", b"no_root_squash"))
    assert undone() == undone() == ("partial", "mixed")
    (tree.root / EXPORTS[1:]).unlink()
    assert undone() == ("partial", "unchanged")


def test_ten_applies_are_kept(tree: Tree) -> None:
    for count in range(2, 14):
        tree.write_spec(count)
        assert tree.run("apply", "--yes").code == 0
    entries = json.loads(tree.run("log", "--json").out)["entries"]
    assert len(entries) == 10
    kept = {path.suffix for path in (tree.root / STATE).rglob("*.b0*")}
    assert len(kept) <= 10


def test_what_omconf_keeps_is_closed(tree: Tree) -> None:
    tree.put(PERSISTENCE, f"<x>{SECRET['OM_DB_PASSWORD']}</x>").chmod(0o600)
    shutil.rmtree(tree.root / "opt")
    assert tree.run("apply", "--yes").code == 0
    tree.write_spec(3, database={"pool": {"maxTotal": "7"}})
    assert tree.run("apply", "--yes").code == 0
    for place in (tree.root / STATE).rglob("*"):
        assert place.stat().st_mode & 0o077 == 0, place
    text = b"".join(
        p.read_bytes()
        for p in (tree.root / STATE).rglob("*")
        if ".b0" not in p.name and p.is_file()
    )
    assert SECRET["OM_DB_PASSWORD"].encode() not in text


class TestHostileState:
    """What stands below /var/lib/omconf may be anybody's."""

    def journal(self, tree: Tree) -> Path:
        folder = tree.root / STATE / "conference/journal"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def test_a_list_of_staged_files_deletes_nothing_else(self, tree: Tree) -> None:
        victims = [tree.folder / "victim", tree.root / "etc/passwd", tree.folder / ".omconf-x"]
        (tree.root / "etc").mkdir()
        (tree.root / ".omconf-d").mkdir()
        for victim in victims:
            victim.write_text("keep me")
        lines = (
            "/.omconf-d/../../victim|victim\n/etc/x|passwd\n/etc/x|.omconf-../passwd\n"
            "/../x|.omconf-x\n/.omconf-d/../../x|.omconf-x\n"
        )
        listed = self.journal(tree) / "000001.staged"
        listed.write_text(lines)
        assert tree.run("apply", "--yes").code == 0
        assert not listed.exists()
        assert all(victim.read_text() == "keep me" for victim in victims)

    def test_a_state_folder_that_a_link_leads_out_of_the_tree(self, tree: Tree) -> None:
        outside = tree.folder / "outside"
        outside.mkdir()
        (tree.root / "var").symlink_to(outside)
        done = tree.run("apply", "--yes")
        assert (done.code, "OM601" in done.err) == (1, True)
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("folder", [STATE, f"{STATE}/conference"])
    @pytest.mark.parametrize("mode", [0o777, 0o1770, 0o702])
    def test_a_state_folder_that_others_can_change(
        self, tree: Tree, shell: dict[str, str], folder: str, mode: int
    ) -> None:
        self.journal(tree)
        (tree.root / folder).chmod(mode)
        for verb in (("apply", "--yes"), ("apply", "--yes", "--dry-run")):
            done = tree.run(*verb, env=shell)
            assert (done.code, done.rules) == (1, ["OM601"])
            assert "belongs to another user, or others can change it" in done.err
        assert tree.contents() == {}

    @needs("root")
    @pytest.mark.parametrize("folder", [STATE, f"{STATE}/conference"])
    def test_a_state_folder_of_somebody_else(
        self, tree: Tree, shell: dict[str, str], folder: str
    ) -> None:
        assert tree.run("apply", "--yes", env=shell).code == 0
        before = tree.contents()
        (tree.root / STATE).chmod(0o755)
        shutil.chown(tree.root / folder, "nobody", "nogroup")
        for verb in ("undo", "apply"):
            tree.write_spec(3)
            done = tree.run(verb, "--yes", env=shell)
            assert (done.code, done.rules) == (1, ["OM601"])
        assert tree.contents() == before
        shutil.chown(tree.root / folder, "root", "root")
        assert tree.run("undo", "--yes", env=shell).code == 0

    def test_a_state_folder_that_others_can_read_is_closed(
        self, tree: Tree, shell: dict[str, str]
    ) -> None:
        own = self.journal(tree).parent
        own.chmod(0o755)
        assert tree.run("apply", "--yes", env=shell).code == 0
        assert own.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', "\0" * 100])
    def test_an_entry_that_makes_no_sense_is_not_passed_over_by_undo(
        self, tree: Tree, text: str
    ) -> None:
        assert tree.run("apply", "--yes").code == 0
        (self.journal(tree) / "000009.about").write_text(text)
        before = tree.contents()
        done = tree.run("undo", "--yes")
        assert (done.code, "OM604" in done.err, "OM605" in done.err) == (1, True, True)
        assert tree.contents() == before

    def test_log_does_not_say_that_there_is_nothing_where_it_makes_no_sense(
        self, tree: Tree
    ) -> None:
        assert tree.run("apply", "--yes").code == 0
        (self.journal(tree) / "000001.about").write_text("{" + " " * 30_000_000)
        done = tree.run("log")
        assert (done.out, done.rules) == ("", ["OM605"])

    def test_an_end_that_a_power_cut_left_empty_is_none(self, tree: Tree) -> None:
        assert tree.run("apply", "--yes").code == 0
        (self.journal(tree) / "000001.end").write_text("")
        (entry,) = json.loads(tree.run("log", "--json").out)["entries"]
        assert (entry["outcome"], entry["stands"]) == ("unfinished", True)
        assert tree.run("undo", "--yes").code == 0
        assert tree.contents() == {}


def test_an_option_that_overrules_the_block_is_in_the_way(tree: Tree) -> None:
    tree.put(SETENV, 'CATALINA_OPTS="-DDATA_DIR=/srv/om"\n')
    before = tree.contents()
    done = tree.run("apply", "--yes")
    assert (done.code, "OM343" in done.err, "OM601" in done.err) == (1, True, True)
    assert tree.contents() == before


def test_a_journal_that_cannot_be_written_stops_it(tree: Tree) -> None:
    (tree.root / STATE / "conference/journal/000001.notes").mkdir(parents=True)
    done = tree.run("apply", "--yes", "--json")
    assert (done.code, lines(done.out)[-1]["outcome"]) == (1, "undone")
    assert tree.contents() == {}


def test_a_reason_of_any_bytes(tree: Tree) -> None:
    assert tree.run("apply", "--yes", "--reason", "caf\udce9").code == 0


@pytest.mark.parametrize("name", ["LOGNAME", "SUDO_USER"])
def test_a_user_of_any_bytes(tree: Tree, name: str) -> None:
    env = {"SUDO_USER": "", name: "m\udcfcller"}
    done = tree.run("apply", "--yes", env=env)
    assert done.code == 0, done.err
    (entry,) = json.loads(tree.run("log", "--json").out)["entries"]
    assert entry["by"].startswith("m?ller@")
    assert tree.run("undo", "--yes", env=env).code == 0


def test_a_tree_gets_ordinary_folders_and_a_closed_one(tree: Tree) -> None:
    assert tree.run("apply", "--yes").code == 0
    modes = {name: (tree.root / name).stat().st_mode & 0o777 for name in ("var", "var/lib", STATE)}
    assert modes == {"var": 0o755, "var/lib": 0o755, STATE: 0o700}


def test_json_has_an_end_without_an_approval(tree: Tree) -> None:
    found = lines(tree.run("apply", "--json").out)
    assert (found[-1]["event"], found[-1]["outcome"]) == ("end", "refused")


def test_undo_refuses_when_more_was_applied_meanwhile(tree: Tree) -> None:
    from omconf.pipeline import journals, undo
    from omconf.pipeline.apply_input import Options
    from omconf.pipeline.compiled import check_spec
    from omconf.pipeline.sources import Asked

    assert tree.run("apply", "--yes").code == 0
    asked = Asked(None, "om1", tree.root, False, False, None, None, None, ())
    compiled = check_spec(str(tree.spec))
    prepared = journals.prepare(compiled, asked)
    assert isinstance(prepared, journals.Prepared)
    tree.write_spec(3)
    assert tree.run("apply", "--yes").code == 0
    before = tree.contents()
    show: Any = type("Show", (), {"mask": None, "event": lambda *_: None})()
    again = lambda: journals.prepare(compiled, asked)  # noqa: E731
    result = undo.take_back(prepared, show, show, Options(), again)
    assert str(result.outcome) == "refused"
    assert tree.contents() == before


def test_who_asks_nobody_cannot_have_each_node_confirmed(tree: Tree) -> None:
    """It would refuse at the first node, and say to run it again."""
    done = tree.run("apply", "--yes", "--json", "--confirm-each")
    assert (done.code, done.out) == (1, "")
    assert "--confirm-each" in done.err
    assert "--json" in done.err
    assert tree.contents() == {}
