"""Hazelcast: the settings that members compare, and further elements of its file."""
