"""Pages of all kinds, each recorded by the built snippet and replayed by the project's own player."""
