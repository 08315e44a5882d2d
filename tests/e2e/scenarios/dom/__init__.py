"""The live document against the replayed one: outlines of both, and what differs."""
