"""The plan: what is deployed now, what would change, and what that does to the cluster."""
