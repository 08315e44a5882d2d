"""The stream, the oracle and the loop to measure against: see README.md in this folder."""
