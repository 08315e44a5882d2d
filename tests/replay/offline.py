"""What stands in an exported HTML file."""

from __future__ import annotations

import base64
import re
import zlib

_PART = re.compile(rb'<script type="application/octet-stream" data-stolper="([^"]*)"[^>]*>([^<]*)<')


def offline_parts(html: bytes) -> dict[str, bytes]:
    """Return what an offline file holds, by name, inflated where it is compressed."""
    found = {name.decode(): base64.b64decode(held) for name, held in _PART.findall(html)}
    return {
        name: held if name.startswith("asset") else zlib.decompress(held, wbits=-15)
        for name, held in found.items()
    }
