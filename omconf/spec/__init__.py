"""The spec: YAML text to validated data, with the place of every key and value."""

import os

# pydantic would look through every installed package for plugins, which takes time and could change
# what a spec means from machine to machine.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
