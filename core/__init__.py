"""The floor: events, wire codec, settings, errors, clock and the store. Knows nothing of HTTP, rules or pages."""
