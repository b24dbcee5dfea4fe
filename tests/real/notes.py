"""A small application on the newest line's OpenJPA: one entity, and a written persistence.xml."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.real.judges import JAVA, run

JARS = JAVA / "lib" / "openjpa-4.1.1"


def notes(java: str, folder: Path, persistence: str, options: Iterable[str] = ()) -> list[str]:
    """Compile it into a folder; the command that runs it still lacks the members' addresses."""
    # The entity classes' jars are OpenMeetings' own; one class of the test's takes their place.
    text, *others = re.split(r"(?:    <class>.*</class>\n)+", persistence)
    text += f"    <class>org.apache.openmeetings.db.entity.Note</class>\n{others[0]}"
    (folder / "META-INF").mkdir()
    (folder / "META-INF/persistence.xml").write_text(text)
    jars = ":".join(map(str, sorted(JARS.glob("*.jar"))))
    javac = str(Path(java).resolve().with_name("javac"))
    run(javac, "-cp", jars, "-d", folder, *(JAVA / "cache").rglob("*.java"))
    agent = f"-javaagent:{JARS / 'openjpa-4.1.1.jar'}"
    return [java, "-XX:TieredStopAtLevel=1", agent, *options, "-cp", f"{folder}:{jars}", "Cache"]
