"""The reports that come with Stolper: YAML files (docs/reports.md)."""
