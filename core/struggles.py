"""What struggle a flag is part of."""

from __future__ import annotations

import hashlib

from core.model import Flag


def struggle_key(flag: Flag) -> str:
    """Return the key of the struggle that *flag* belongs to: site, rule, and target or page."""
    target = (flag.target or {}).get("key")
    where = f"target\0{target}" if target else f"page\0{flag.page or ''}"
    text = f"{flag.site}\0{flag.rule}\0{where}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
