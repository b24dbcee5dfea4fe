"""Carries out a plan on the nodes, and takes it back."""
