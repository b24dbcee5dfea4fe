"""Opening, reading and writing files: no other package of omconf does so by itself."""
