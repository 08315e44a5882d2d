"""Replay: what was recorded, made playable. Knows neither pages nor how flags are made."""
