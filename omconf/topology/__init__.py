"""The topology: what the cluster looks like, as data, and drawn as Mermaid, DOT or SVG."""
