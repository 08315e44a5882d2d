"""Whose request it is and how it reached us, behind proxies that are trusted by setting."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from aiohttp import web

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """
    Reads X-Forwarded-For and -Proto from trusted proxies, and from nobody else.

    Never X-Forwarded-Host: most proxies pass on what the client wrote there.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(network) for network in trusted]

    def client(self, request: web.Request) -> str:
        """Return the address of the client that sent *request*."""
        peer = request.remote or ""
        if not self._trusted:
            return peer
        return self.client_of(peer, ",".join(request.headers.getall("X-Forwarded-For", [])))

    def client_of(self, peer: str, forwarded: str) -> str:
        """Return the client's address: the last one in the chain that is no trusted proxy."""
        address = peer
        if self._trusted and self._is_trusted(address):
            for hop in reversed([hop.strip() for hop in forwarded.split(",") if hop.strip()]):
                address = hop
                if not self._is_trusted(hop):
                    break
        return address

    def forwarded(self, request: web.Request) -> str:
        """Say whether *request* tells of a client behind a proxy: no, believed, or ignored."""
        if "X-Forwarded-For" not in request.headers:
            return "no"
        return "believed" if self._is_trusted(request.remote or "") else "ignored"

    def base_url(self, request: web.Request) -> str | None:
        """Return scheme and host under which the client reached us; None if they make no sense."""
        scheme, host = request.scheme, request.headers.get("Host", "")
        if self._trusted and self._is_trusted(request.remote or ""):
            scheme = request.headers.get("X-Forwarded-Proto", scheme)
        if scheme not in ("http", "https") or not _HOST.fullmatch(host):
            return None
        return f"{scheme}://{host}"

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._trusted)
