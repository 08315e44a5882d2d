"""Owns the headers of every answer of the console, above all what a page may load."""

from __future__ import annotations

_PARTS = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'{nonce}",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)

CSP = "; ".join(_PARTS).format(nonce="")
"""Of every page but the player's stage (console/stage.py): no inline script or style, no other host."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-DNS-Prefetch-Control": "off",  # or links of a recording would have their hosts looked up
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def csp_with_styles(nonce: str) -> str:
    """
    Return the policy of a page on which a script makes style elements that carry *nonce*.

    CodeMirror makes its styles so; style attributes and other elements stay forbidden.
    """
    return "; ".join(_PARTS).format(nonce=f" 'nonce-{nonce}'")
