"""omconf: one spec in, the configuration of every node of an OpenMeetings cluster out."""

__version__ = "0.1.0"
