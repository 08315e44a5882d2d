"""The demo: a small shop with planted defects, and scripted visitors in it."""
