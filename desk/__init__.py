"""The people behind sessions: how contacts come in, a customer's journey, what came before a contact, the handover."""
