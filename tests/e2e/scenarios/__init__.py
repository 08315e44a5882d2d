"""Situations in a page: what a visitor does, what must be flagged and what must not."""
