"""Console: every page and API route that people and programs use. Computes nothing itself."""
