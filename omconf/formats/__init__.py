"""File formats that artifacts are written in and read from; nothing here knows a cluster."""
