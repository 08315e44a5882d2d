"""Receiving what pages send: limits, checks, scrubbing, sessions opening and closing."""
