"""Recordings that attack whoever watches them."""
