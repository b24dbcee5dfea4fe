"""Nodes by the user's own Ansible: its inventory, connections, privileges and log.

One run of `ansible-playbook` serves a whole command: its task on each node, an action plugin, runs what
omconf sends it through a socket (docs/decisions/0037).
"""
