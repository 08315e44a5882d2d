"""The shipped rules: one YAML file per struggle, named after its rule."""
