"""Checks: the XSDs that judge XML, and the rules over the whole cluster."""
