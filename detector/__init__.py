"""The detector: rule language, compiler, engine and the task that judges sessions. No HTTP, no SQL."""
