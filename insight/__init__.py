"""What visits come to: processes and where they are left. Engines find the facts, this counts them."""
