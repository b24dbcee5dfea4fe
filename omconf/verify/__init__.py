"""Whether the running cluster is healthy: what its nodes say, and what only all together show."""
