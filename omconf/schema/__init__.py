"""Validation of XML: by the schemas of the project, and by those of Hazelcast."""
