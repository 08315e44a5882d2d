"""What a process asked of its disk, and when it answered whom: read from strace's log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CALLS = (
    "openat,write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,rename,renameat,renameat2,"
    "unlink,unlinkat,mkdir,mkdirat,link,linkat,fallocate,msync"
)
# -D: the server is our child, and strace its own: signals and exit codes are the server's.
COMMAND = (
    "strace",
    "-D",
    "-f",
    "-yy",
    "-xx",
    "-s",
    "100000000",
    "--seccomp-bpf",
    "-e",
    f"trace={CALLS}",
)

Kind = Literal[
    "create", "truncated", "write", "cut", "fsync", "rename", "unlink", "mkdir", "answer"
]

_LINE = re.compile(r"^(\d+) +(.*)$")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(?:<.*>)?(?: .*)?$", re.DOTALL)
_FD = re.compile(r"^\d+<(.*?)>(?:, |$)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PEER = re.compile(r"->[^\]]*:(\d+)\]")


@dataclass(frozen=True, slots=True)
class Op:
    """
    One thing that was asked for. It may be in force from *begin* on, and is from *end* on.

    Both are lines of the log. *path* is that of the file; of an answer, the port of who got it.
    """

    kind: Kind
    begin: int
    end: int
    path: str
    to: str = ""
    offset: int | None = None  # None: at the end of the file
    data: bytes = b""


def whole(log: Path, pid: int) -> bool:
    """Say whether *log* goes to the end of the process."""
    with log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - 500))
        return re.search(rb"%d +\+\+\+ exited" % pid, lines.read()) is not None


def read(log: Path, root: Path) -> list[Op]:
    """Return what was done below *root*, and what was answered, in order of the beginning."""
    found = [op for begin, end, call in _calls(log) for op in _ops(begin, end, call, str(root))]
    return sorted(found, key=lambda op: op.begin)


def _calls(log: Path) -> Iterator[tuple[int, int, str]]:
    """Give the calls that came to their end, and those that never did, with their lines."""
    open_calls: dict[str, tuple[int, str]] = {}
    number = 0
    with log.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines):
            found = _LINE.match(line)
            if found is None:
                continue
            thread, rest = found[1], found[2]
            if rest.endswith("<unfinished ...>"):
                open_calls[thread] = number, rest.removesuffix("<unfinished ...>").rstrip(" ")
            elif resumed := _RESUMED.match(rest):
                begin, start = open_calls.pop(thread)
                yield begin, number, start + resumed[2]
            else:
                yield number, number, rest
    for begin, start in open_calls.values():
        yield begin, number + 1, start + ") = 0"


def _ops(begin: int, end: int, call: str, root: str) -> Iterator[Op]:
    parsed = _CALL.match(call)
    if parsed is None or int(parsed[3]) < 0:
        return
    name, told, result = parsed[1], parsed[2], int(parsed[3])
    held = _FD.match(told)
    fd = _plain(held[1]).decode() if held else ""
    texts = [_plain(text) for text in _STRING.findall(told)]
    if name in ("write", "writev", "sendto", "sendmsg") and fd.startswith("TCP"):
        if b"".join(texts).startswith(b"HTTP/1.1 200") and (peer := _PEER.search(fd)):
            yield Op("answer", begin, end, peer[1])
        return
    named = [text.decode() for text in texts] if name not in ("write", "writev", "pwrite64") else []
    if name in ("write", "writev", "pwrite64"):
        if fd.startswith(root):
            at = int(told.rpartition(", ")[2]) if name == "pwrite64" else None
            yield Op("write", begin, end, fd, offset=at, data=b"".join(texts)[:result])
    elif name in ("fsync", "fdatasync"):
        if fd.startswith(root):
            yield Op("fsync", begin, end, fd)
    elif name == "ftruncate":
        if fd.startswith(root):
            yield Op("cut", begin, end, fd, offset=int(told.rpartition(", ")[2]))
    elif not any(text.startswith(root) for text in named):
        return
    elif name == "openat":
        if "O_CREAT" in told:
            yield Op("create", begin, end, named[0])
        if "O_TRUNC" in told:
            yield Op("truncated", begin, end, named[0])
    elif name.startswith("rename"):
        yield Op("rename", begin, end, named[0], to=named[1])
    elif name.startswith("unlink"):
        yield Op("unlink", begin, end, named[0])
    elif name.startswith("mkdir"):
        yield Op("mkdir", begin, end, named[0])
    else:
        raise AssertionError(f"the model of a disk does not know {name}")


def _plain(text: str) -> bytes:
    """Return what *text*, which strace writes byte by byte but for sockets, stands for."""
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()
