"""Tells systemd how far the server is (sd_notify), where systemd started it and asked for that."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send *state* (`READY=1`, `STOPPING=1`) to the service manager; False if none listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address[0] == "@":  # the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.connect(address)
            to.send(state.encode())
    except OSError:  # the server runs all the same
        return False
    return True
