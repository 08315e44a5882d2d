"""Real widgets from npm, whole and broken, as a hold-out set beside the known situations."""
