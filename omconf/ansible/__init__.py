"""Nodes by the user's own Ansible: its inventory, connections, privileges and log.

One run of `ansible-playbook` reaches all nodes, for a look or for an apply: its task on each node, an
action plugin, runs what omconf sends it through a socket (docs/decisions/0037).
"""
