"""A cluster's spec and the root trees of its nodes, for `apply --local NODE --root DIR`."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.clusters import spec_of
from tests.command import Result, omconf

STATE = "var/lib/omconf"
SECRET = {"OM_DB_PASSWORD": "not-a-real-password"}


@dataclass
class Tree:
    """The root tree of the node om1, and the spec beside it."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, **sections: Any) -> Tree:
        tree = cls(folder)
        tree.root.mkdir()
        tree.write_spec(**sections)
        return tree

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def spec(self) -> Path:
        return self.folder / "cluster.yaml"

    def write_spec(self, count: int = 2, **sections: Any) -> None:
        if os.geteuid() != 0:
            import grp
            import pwd

            om = sections.setdefault("openmeetings", {})
            om.setdefault("user", pwd.getpwuid(os.geteuid()).pw_name)
            om.setdefault("group", grp.getgrgid(os.getegid()).gr_name)
        self.spec.write_text(yaml.safe_dump(spec_of(count, **sections)))

    def put(self, path: str, data: bytes | str) -> Path:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        return place

    def read(self, path: str) -> bytes:
        return (self.root / path.lstrip("/")).read_bytes()

    def run(self, verb: str, *options: str | Path, **more: Any) -> Result:
        env = {**SECRET, **more.pop("env", {})}
        words = (verb, self.spec, "--local", "om1", "--root", self.root, *options)
        return omconf(*words, env=env, **more)

    def contents(self) -> dict[str, tuple[bytes, int, int, int]]:
        """All files outside of what omconf keeps: bytes, mode, uid and gid by path; folders, too."""
        found = {}
        for place in sorted(self.root.rglob("*")):
            path = str(place.relative_to(self.root))
            if path == "var" or path == "var/lib" or path.startswith(STATE):
                continue
            info = place.lstat()
            data = place.read_bytes() if stat.S_ISREG(info.st_mode) else b"folder"
            found[path] = (data, stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid)
        return found

    def copy(self, folder: Path) -> Tree:
        folder.mkdir()
        shutil.copytree(self.root, folder / "root", symlinks=True)
        shutil.copy(self.spec, folder)
        return Tree(folder)
