"""Owns what a request says of itself behind a reverse proxy: forwarded headers count only if trusted."""

from __future__ import annotations

import ipaddress

from aiohttp import hdrs, web

from console.context import console


def is_https(request: web.Request) -> bool:
    """Return whether the browser came by https, directly or through a trusted proxy."""
    forwarded = request.headers.get(hdrs.X_FORWARDED_PROTO) if _by_proxy(request) else None
    return request.secure or forwarded == "https"


def client_address(request: web.Request) -> str:
    """Return the address that the request came from, as a trusted proxy or the socket tells it."""
    if _by_proxy(request):
        hops = request.headers.get(hdrs.X_FORWARDED_FOR, "").split(",")
        if hops[-1].strip():  # the last one is what our own proxy saw; earlier ones can be made up
            return hops[-1].strip()
    return request.remote or "unknown"


def _by_proxy(request: web.Request) -> bool:
    networks = console(request).settings.server.trusted_proxies
    try:
        peer = ipaddress.ip_address(request.remote or "")
    except ValueError:  # a Unix socket has no address
        return False
    return any(peer in ipaddress.ip_network(network) for network in networks)
