"""Canaries in every class of place, under every preset: what is released is found, nothing else."""
