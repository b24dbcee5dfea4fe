"""What is deployed: one module a source, one Snapshot out of all of them."""
