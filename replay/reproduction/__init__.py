"""A session as a Playwright test: what was done (steps.py, inputs.py), where (places.py), and its text (script.py)."""
