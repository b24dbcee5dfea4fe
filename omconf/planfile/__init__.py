"""The plan as a file: one model of the document, its JSON schema, and how it is kept."""
