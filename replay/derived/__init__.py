"""Events from recordings that other tools made: what the snippet would have told, as far as it shows."""
