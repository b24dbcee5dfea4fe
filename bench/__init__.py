"""Measures omconf: `make bench` (docs/benchmarks.md)."""
