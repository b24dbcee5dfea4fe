"""Checks Markdown against the few forms that omconf writes: anything else in it came from a file."""

from __future__ import annotations

import re

_FRAME = [
    re.compile(form)
    for form in (
        r"",
        (
            r"\*\*Plan: \d+ to create, \d+ to update, \d+ to delete(, \d+ to reformat)?"
            r" on \d+ of \d+ nodes\."
            r"( (No node restarts|Nodes restart one by one|Removed nodes stop|All nodes must stop)\.)?"
            r"\*\*"
        ),
        r"\*\*No changes\. Deployed files match the spec\.\*\*",
        r"\*\*No changes( among the files that could be compared)?(, but .+: see OM343)?\.\*\*",
        r"\*\*The plan failed\.\*\*",
        r"\*\*Nothing was compared\.\*\*",
        r"\d+ files? differs? only in formatting\.",
        r"Secrets compared with the spec: (\d+ (equal|different|not compared)(, )?)+\.",
        r"Some files could not be read: the plan is incomplete\.",
        r"\d+ errors?: see the findings\.",
        r"<p>Cluster <code>[^<>]*</code></p>",
        r"<details><summary><code>[^<>]*</code>: [a-z0-9, ]+</summary>",
        r"</details>",
        r"\*\*(Roll-out|Findings)\*\*",
        r"\*\*Cut to \d+ characters\.\*\*( Left out: [a-z0-9, -]+\.)? `--json` .*\.",
    )
]


def require_well_formed(text: str) -> list[str]:
    """Every line outside of a fence is omconf's; fences are closed and details balanced.

    Returns the lines inside of fences.
    """
    fence = ""
    is_open = False
    inside = []
    before = ""
    for line in text.removesuffix("\n").split("\n"):
        if fence:
            if re.fullmatch(rf" {{0,3}}`{{{len(fence)},}}[ \t]*", line):
                assert line == fence, "only omconf's own line closes it"
                fence = ""
            else:
                inside.append(line)
        elif found := re.fullmatch(r"(`{3,})(diff|text)", line):
            assert before == "", "a fence after HTML needs an empty line"
            fence = found[1]
        else:
            assert any(form.fullmatch(line) for form in _FRAME), line
            if line.startswith("<details>"):
                assert not is_open
                is_open = True
            elif line == "</details>":
                assert is_open
                is_open = False
        before = line
    assert not fence
    assert not is_open
    return inside
