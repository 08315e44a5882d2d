"""What strangers try with the public listener of a real server, and what they get."""
