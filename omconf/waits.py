"""How long a roll-out waits, in seconds.

Plans hold these values, and the texts of roll-outs quote them: after a change, `make golden`.
"""

COMMAND_SECONDS = 30
"""How long a command may take."""
MOUNT_SECONDS = 150
"""How long a mount may take: mount.nfs tries for two minutes (nfs(5), `retry`)."""
START_SECONDS = 180
"""How long systemd may take to start or stop OpenMeetings."""
APART_SECONDS = 0.5
"""Between the starts of two nodes: OpenJPA takes the remote commits of a node that started in the same
millisecond for its own, where both hosts' own names are on loopback (measured with 3.1.2 to 4.1.1)."""
HEALTH_SECONDS = 300
"""How long a node may take to become healthy; a start takes 15 to 100 s (measured with 9.1.0)."""
HEALTH_INTERVAL = 5
"""Between two looks at a node that is waited for, as a plan says it."""
