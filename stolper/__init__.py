"""The roof: command line, composition, demo shop. Everything below is put together here."""
