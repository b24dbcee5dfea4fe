"""Import of hand-made nodes: reads files into facts, folds the facts into one spec, writes its text."""
