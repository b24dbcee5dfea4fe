"""Hazelcast's own: what its members compare, and what else its file may hold."""
