"""Alerts and digests: when they are due (watching), what they say (telling), how they are sent (sending)."""
