"""The spec: YAML text to validated data, with the place of every key and value."""
