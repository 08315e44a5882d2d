"""Looks for planted texts in what a page sends and in what the server keeps of it."""
