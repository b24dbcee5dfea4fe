"""Why a key that the spec does not say has the value that it has, for keys that reach a bundle."""

from __future__ import annotations

WHY = {
    "openmeetings.home": "under /opt, where software from outside of the distribution goes (FHS)",
    "openmeetings.data_dir": "the folder on the clustering page, outside of OpenMeetings",
    "openmeetings.timezone": "one zone for all nodes, without summer time",
    "openmeetings.service": "the unit's usual name",
    "openmeetings.user": "the user of the unit that OpenMeetings ships",
    "openmeetings.group": "the group of the unit that OpenMeetings ships",
    "discovery.kind": "as on the clustering page: another node needs no change on the others",
    "discovery.group": "Hazelcast's default; the page's is in 224.0.0.0/24, which no router forwards",
    "discovery.port": "Hazelcast's default",
    "discovery.ttl": "Hazelcast's default",
    "discovery.timeout": "Hazelcast's default",
    "storage.kind": "the clustering page names it first",
    "storage.user": "the name of the software that uses it",
    "storage.type": "client and server negotiate the newest version of NFS that both support",
    "storage.fstab.options": "the mount waits for the network",
    "storage.options": "wait for the network and for a slow server; Linux ignores the page's `intr`",
    "storage.export_options": "the page's, except that root on a node is not root on the data",
}
