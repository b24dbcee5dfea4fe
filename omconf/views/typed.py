"""Paths in the commands that omconf advises."""


def typed(path: str) -> str:
    """Return a path as a command takes it, to be quoted: with a dash at its start it is an option."""
    return f"./{path}" if path.startswith("-") and path != "-" else path
