"""Hand-made nodes to a spec: what files say as facts, facts of many nodes as one spec, its text."""
