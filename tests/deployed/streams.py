"""Tar streams as nodes send them, made by hand."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from typing import Any

from omconf.deployed.answer import read
from omconf.deployed.budget import Account, Budget
from omconf.deployed.snapshot import NodeFiles, Request
from omconf.deployed.tree import Same

FSTAB, EXPORTS, MANIFEST = "/etc/fstab", "/etc/exports", "/etc/omconf/conference/manifest.json"
REQUEST = Request((FSTAB, EXPORTS), "conference", "om1")


def member(name: str, data: bytes = b"", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def packed(
    members: Sequence[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT
) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def header(name: str, kind: bytes = b"0", size: int = 0, **fields: Any) -> bytes:
    """One header; its size may be any claim."""
    info, _ = member(name, type=kind, **fields)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)[-512:]


END = bytes(1024)


def received(
    stream: bytes, said: str = "", budget: Budget | None = None, same: Same | None = None
) -> NodeFiles:
    """What is made of a stream that a node sent."""
    account = Account(budget or Budget())
    return read(REQUEST, stream, said, account, {} if same is None else same)


def why(files: NodeFiles) -> str:
    """Why the node is unknown."""
    assert files.problem is not None
    assert files.files == {}
    return files.problem.message
