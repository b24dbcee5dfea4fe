"""Git repositories that git would never write: broken objects, trees, packs, branches, settings.

Each starts as a right repository with a bundle and is then spoilt by one to four entries of `_CHANGES`.
`plan --git` has to answer every one with a plan or a finding.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from random import Random

from tests.deployed.git_store import FILE, FOLDER, LINK, SUBMODULE, Store
from tests.fuzz import mutate, nasty

REVISIONS = (
    *("main",) * 40,
    *("HEAD", "main~1", "@", "v1", "main@{0}", "HEAD@{1}", "@{u}", "ab", "main:bundles", ":/x"),
    *("-q", "^main", "a..b", "refs/heads/main", "main^{tree}", "loop", "FETCH_HEAD", "0" * 40),
)
NAMES = (
    b"..",
    b".",
    b".git",
    b"a\nb",
    b"\xff",
    b'"',
    b"\t",
    b"om1",
    b"files",
    b"x" * 5000,
    b"/",
    b"",
)
MODES = (FILE, FOLDER, LINK, SUBMODULE, b"040000", b"0", b"100664", b"777777777777", b"9", b"-1")
HEADS = (b"", b"tree", b"tree 5\0", b"blob 0\0", b"tree -1\0", b"tree 99999999999\0", b"x" * 99)
LINES = (
    b"ref: refs/heads/main\n",
    b"ref: refs/heads/loop\n",
    b"ref: ../../x\n",
    b"ref: ",
    b"",
    b"\0\xff",
    b"0" * 40 + b"\n",
    b"zz" * 20,
    b"a" * 9000,
)
HERE = "@HERE@"
"""The folder of the case; a command that is run makes the file `RAN` in it."""
SETTINGS = (
    '[remote "origin"]\n\turl = .\n\tpromisor = true\n\tuploadpack = "touch {0}; false"\n',
    "[extensions]\n\tpartialClone = origin\n",
    '[core]\n\tfsmonitor = "touch {0}"\n\tsshCommand = "touch {0}"\n\thooksPath = .\n',
    '[alias]\n\trev-parse = "!touch {0}"\n\tcat-file = "!touch {0}"\n',
    "[include]\n\tpath = config\n[include]\n\tpath = /dev/zero\n",
    "[extensions]\n\tobjectFormat = sha256\n",
    "[extensions]\n\trefStorage = reftable\n",
    "[extensions]\n\tworktreeConfig\n[core]\n\tworktree = /\n\tbare = true\n",
    "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tunknown = true\n",
    '[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n',
    '[branch "main"]\n\tremote = "x\\n[remote \\"y\\"]"\n\tmerge = +\n',
    "[core]\n\trepositoryformatversion = 9\n",
)

Change = Callable[[Random, Store], None]


def case(random: Random, bundles: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Make a repository with these bundles in its folder `bundles`, and spoil it.

    Returns a revision to ask for, and the files of the folder that holds the repository.
    """
    store = Store()
    store.commit(store.folder({f"bundles/{path}": data for path, data in bundles.items()}))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(_CHANGES)(random, store)
    files = {f"repo/.git/{path}": data for path, data in store.files.items()}
    if random.random() < 0.05:
        files = {path.replace("/.git/", "/own/"): data for path, data in files.items()}
        pointers = (b"gitdir: own\n", b"gitdir: own", b"gitdir: ../x\n", b"gitdir:", b"\0", b"")
        files["repo/.git"] = random.choice(pointers)
        if random.random() < 0.5:
            files["repo/own/commondir"] = random.choice(
                (b".\n", b"..\n", b"", b"\0", b"/\n", b"own\n")
            )
    return random.choice(REVISIONS), files


def _some(random: Random, store: Store) -> list[str]:
    """Name a few objects, of any type; one may be missing."""
    names = [*store.loose(), "cd" * 20]
    return [random.choice(names) for _ in range(4)]


def _bytes_of_an_object(random: Random, store: Store) -> None:
    if paths := list(store.loose().values()):
        path = random.choice(paths)
        store.files[path] = mutate.at_random(random, store.files[path], b"junk")


def _no_object(random: Random, store: Store) -> None:
    if paths := list(store.loose().values()):
        del store.files[random.choice(paths)]


def _another_object(random: Random, store: Store) -> None:
    """In the place of an object stands another, or one with a wrong header."""
    if paths := list(store.loose().values()):
        path = random.choice(paths)
        if random.random() < 0.5:
            store.files[path] = store.files[random.choice(paths)]
        else:
            kind, head = random.choice(("tree", "blob", "commit", "tag")), random.choice(HEADS)
            data = random.choice(nasty.BYTES)
            store.put(kind, data, head=head, name=path[8:10] + path[11:])


def _tree(random: Random, store: Store) -> None:
    """Commit a crafted tree, as the bundles or as a node's folder, or put it in another's place."""
    entries = [
        (random.choice(MODES[:4] if random.random() < 0.8 else MODES), name, object_)
        for object_ in _some(random, store)
        for name in (random.choice((*NAMES, b"manifest.json", b"blocks", b"etc", b"fstab")),)
    ]
    own = random.choice((None, *_some(random, store)))
    if own and random.random() < 0.5:
        entries.append((FOLDER, random.choice((b"om1", b"files", b"etc")), own))
    name = store.tree(entries, name=own)
    if own is None:
        node = random.choice((b"om1", b"om2", b"n1", b"x"))
        bundles = name if random.random() < 0.5 else store.tree([(FOLDER, node, name)])
        store.commit(store.tree([(FOLDER, b"bundles", bundles)]))


def _many(random: Random, store: Store) -> None:
    """A tree whose paths are beyond counting, or one with many entries."""
    tree = random.choice(_some(random, store))
    if random.random() < 0.7:
        names = [b"a", b"om1", b"files", b"etc", b"opt", b"blocks"]
        for _ in range(random.choice((10, 60))):
            tree = store.tree([(FOLDER, name, tree) for name in names])
    else:
        count = random.choice((500, 21_000))
        tree = store.tree([(FOLDER, b"n%d" % number, tree) for number in range(count)])
    store.commit(store.tree([(FOLDER, b"bundles", tree)]))


def _commit(random: Random, store: Store) -> None:
    """A commit or a tag of something else or of nothing; a commit of itself.

    On a tag of itself git never ends: it is stopped after a time, which is too long for here.
    """
    target = random.choice(_some(random, store))
    kind = random.choice(("commit", "tag"))
    text = (
        f"tree {target}\n",
        f"object {target}\ntype {random.choice(('commit', 'tree', 'tag'))}\n",
    )
    head = (
        text[kind == "tag"] if random.random() < 0.8 else random.choice(("", "tree \n", "tree x\n"))
    )
    name = store.put(
        kind,
        f"{head}tag x\n\n".encode(),
        name=target if kind == "commit" and random.random() < 0.5 else None,
    )
    store.files["refs/heads/main"] = f"{name}\n".encode()


def _branches(random: Random, store: Store) -> None:
    path = random.choice(
        ("HEAD", "refs/heads/main", "packed-refs", "refs/heads/loop", "FETCH_HEAD")
    )
    store.files[path] = random.choice(LINES)
    if path == "packed-refs" and random.random() < 0.7:
        main = store.files.get("refs/heads/main", b"").strip()
        store.files[path] = (
            b"# pack-refs with: peeled fully-peeled sorted\n" + main + b" refs/tags/v1\n^x\n"
        )
        store.files[path] = mutate.at_random(random, store.files[path], main)


def _around(random: Random, store: Store) -> None:
    """What else git looks at beside objects and branches."""
    main = store.files.get("refs/heads/main", b"").strip()
    path, data = random.choice(
        (
            ("shallow", main + b"\n"),
            ("shallow", b"junk"),
            ("info/grafts", main + b" " + main + b"\n"),
            ("objects/info/alternates", b"../objects\n../../x\n"),
            ("objects/info/alternates", b"/dev/zero\n\xff\n"),
            ("objects/info/commit-graph", b"CGPH\1\1\0\0" + b"\0" * 40),
            ("objects/pack/multi-pack-index", b"MIDX" + b"\0" * 40),
            ("refs/replace/" + main.decode("latin-1"), b"0" * 40),
            ("logs/HEAD", b"x" * 200),
            ("logs/refs/heads/main", main + b" " + main + b" t <t> 0 +0000\tx\n"),
            ("reftable/tables.list", b"x\n"),
            ("commondir", b"/\n"),
        )
    )
    if not path.startswith("refs/replace/") or re.fullmatch(rb"[0-9a-f]{40}", main):
        store.files[path] = data


def _settings(random: Random, store: Store) -> None:
    text = "".join(random.choice(SETTINGS) for _ in range(3)).replace("{0}", f"{HERE}/RAN")
    store.files["config"] += text.encode()
    if random.random() < 0.3:
        store.files["config"] = mutate.at_random(random, store.files["config"], b"[")


def _pack(random: Random, store: Store) -> None:
    """Everything in a pack; mostly it or its index is damaged, with a checksum that fits or not."""
    try:
        store.pack()
    except ValueError:
        return
    for end in ("pack", "idx"):
        path = f"objects/pack/pack-1.{end}"
        if random.random() < 0.4:
            data = mutate.at_random(random, store.files[path], b"\0\xff")
            fits = random.random() < 0.5
            store.files[path] = data[:-20] + hashlib.sha1(data[:-20]).digest() if fits else data


_CHANGES: tuple[Change, ...] = (
    _bytes_of_an_object,
    _no_object,
    _another_object,
    _tree,
    _tree,
    _many,
    _commit,
    _branches,
    _around,
    _settings,
    _pack,
)
