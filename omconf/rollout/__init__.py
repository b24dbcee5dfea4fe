"""The roll-out: which typed steps lead from what is deployed to what the spec wants, in which order."""
