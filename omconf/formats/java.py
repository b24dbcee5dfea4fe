"""Options of the JVM: which words of its command line are an option, whole in one word.

Source: java(1) of OpenJDK 17. An option that is no option ends the list: the JVM takes it for the
class to run. One that takes the next word (`-cp`, `--add-modules`) would swallow an option of omconf's;
each of these also exists in one word, with `=`.
"""

from __future__ import annotations

import re

OPTION = re.compile(
    r"-D[^\s=]+(?:=.*)?"
    r"|-XX:.+|-X[A-Za-z].*"
    r"|-(?:ea|da|enableassertions|disableassertions|verbose|agentlib|agentpath|javaagent|splash)"
    r"(?::.+)?"
    r"|-(?:esa|dsa|enablesystemassertions|disablesystemassertions|server|client|d64|d32|showversion)"
    r"|--(?:enable-preview|show-version)|--[a-z][a-z-]*=.+"
)
COMMANDS = ("-XX:OnOutOfMemoryError=", "-XX:OnError=")
"""Options whose value is a command line."""
_UTC = frozenset(
    ("UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal")
)
MAX_OPTIONS = 100_000
"""Bytes of all options together: setenv.sh exports them, and Linux takes 128 KiB of one variable."""
IN_TWO_WORDS = {
    **dict.fromkeys(("-cp", "-classpath", "--class-path"), "--class-path"),
    **dict.fromkeys(("-p", "--module-path"), "--module-path"),
    **{
        name: name
        for name in (
            *("--add-exports", "--add-modules", "--add-opens", "--add-reads"),
            *("--enable-native-access", "--limit-modules", "--patch-module"),
            "--upgrade-module-path",
        )
    },
}
"""Options that take the next word, by their names, and what each is called in one word with `=`."""


def zone(name: str) -> str:
    """Return a time zone's name, and one for all names of UTC (links of the tz database)."""
    return "Etc/UTC" if name in _UTC else name
