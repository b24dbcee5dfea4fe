"""Why a key that the spec does not say has the value that it has, for keys that reach a bundle."""

from __future__ import annotations

WHY = {
    "openmeetings.home": "under /opt, where software from outside of the distribution goes (FHS)",
    "openmeetings.data_dir": "the clustering page's own folder for it, outside of OpenMeetings",
    "openmeetings.timezone": "one zone for all nodes, without summer time",
    "openmeetings.service": "the unit's usual name",
    "openmeetings.user": "the user of the unit that OpenMeetings ships",
    "openmeetings.group": "the group of the unit that OpenMeetings ships",
    "discovery.kind": "as on the clustering page: a node more needs no change on the others",
    "discovery.group": "Hazelcast's own; the page's lies in 224.0.0.0/24, which no router passes on",
    "discovery.port": "Hazelcast's own",
    "discovery.ttl": "Hazelcast's own",
    "discovery.timeout": "Hazelcast's own",
    "storage.kind": "the clustering page names it first",
    "storage.user": "as the software that it is for",
    "storage.type": "the two sides agree on the newest version of NFS that both have",
    "storage.fstab.options": "the mount waits for the network",
    "storage.options": "a slow server and the network are waited for; Linux ignores the page's `intr`",
    "storage.export_options": "the page's, but a node's root is not root on the data",
}
