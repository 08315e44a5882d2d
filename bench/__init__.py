"""What anyone can run to see how fast it is, as ratios: `python -m bench.detector`."""
