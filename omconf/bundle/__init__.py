"""The bundle: what a spec compiles to, and the directory that it is written to."""
