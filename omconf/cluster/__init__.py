"""The cluster: resolved, every default filled, every value with its origin."""
