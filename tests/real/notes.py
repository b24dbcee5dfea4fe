"""A small application on the newest line's OpenJPA: one entity, and a written persistence.xml."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.real.classes import compiled
from tests.real.programs import JAVA

JARS = JAVA / "lib" / "openjpa-4.1.1"


def notes(java: str, folder: Path, persistence: str, options: Iterable[str] = ()) -> list[str]:
    """Compile it into a folder; the command that runs it still lacks the members' addresses."""
    # The entity classes' jars are OpenMeetings' own; one class of the test's takes their place.
    text, *others = re.split(r"(?:    <class>.*</class>\n)+", persistence)
    text += f"    <class>org.apache.openmeetings.db.entity.Note</class>\n{others[0]}"
    (folder / "META-INF").mkdir()
    (folder / "META-INF/persistence.xml").write_text(text)
    jars = ":".join(map(str, sorted(JARS.glob("*.jar"))))
    shutil.copytree(compiled(jars, *(JAVA / "cache").rglob("*.java")), folder, dirs_exist_ok=True)
    agent = f"-javaagent:{JARS / 'openjpa-4.1.1.jar'}"
    return [java, "-XX:TieredStopAtLevel=1", agent, *options, "-cp", f"{folder}:{jars}", "Cache"]
