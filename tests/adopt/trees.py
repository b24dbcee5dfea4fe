"""Root trees for imports: bundles laid out, and stock files edited as the clustering page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from omconf.bundle.compile import compile_bundle
from omconf.cluster.model import Cluster
from omconf.releases import HAZELCAST_NAMESPACE, RELEASES, Release, StockElement
from tests.command import Result, omconf

CLASSES = "webapps/openmeetings/WEB-INF/classes"
HAZELCAST = f"opt/open/{CLASSES}/hazelcast.xml"
PERSISTENCE = f"opt/open/{CLASSES}/META-INF/persistence.xml"
SETENV_SH = "opt/open/bin/setenv.sh"


def put(tree: Path, path: str, text: str | bytes) -> None:
    """Write a file of a tree."""
    place = tree / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())


def lay(cluster: Cluster, folder: Path) -> None:
    """Lay a cluster's bundle as root trees, as an apply leaves them; secrets stay placeholders."""
    for node in compile_bundle(cluster).nodes:
        for artifact in node.artifacts:
            put(folder / node.node, artifact.path, artifact.data)


def imported(
    folder: Path, *options: str | Path, env: dict[str, str] | None = None
) -> tuple[Result, Any]:
    """Import a directory of trees; the result and its JSON document."""
    done = omconf("import", "--deployed", folder, "--json", *options, env=env)
    return done, json.loads(done.out)


def element(stock: StockElement) -> str:
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in stock.attributes)
    inner = escape(stock.text) + "".join(map(element, stock.children))
    return f"<{stock.tag}{attributes}>{inner}</{stock.tag}>"


def hazelcast_xml(release: Release, name: str, url: str, interface: str = "10.1.1.*") -> str:
    """A stock hazelcast.xml, edited as the clustering page says."""
    stock = release.hazelcast
    content = "".join(map(element, stock.map_content))
    maps = "\n".join(f'\t<map name="{each}">{content}</map>' for each in stock.maps)
    location = f"{HAZELCAST_NAMESPACE} hazelcast-config-{release.hazelcast_xsd}.xsd"
    interfaces = (
        f'<interfaces enabled="true"><interface>{interface}</interface></interfaces>'
        if interface
        else ""
    )
    properties = "".join(
        f'\t\t<property name="{key}">{value}</property>\n'
        for key, value in stock.properties
        if key != "hazelcast.discovery.enabled"
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<hazelcast xmlns="{HAZELCAST_NAMESPACE}"
\t\txmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
\t\txsi:schemaLocation="{location}">
{maps}
\t<instance-name>{name}</instance-name>
\t<member-attributes>
\t\t<attribute name="name">{name}</attribute>
\t\t<attribute name="server.url">{url}</attribute>
\t</member-attributes>
\t<properties>
{properties}\t</properties>
\t<network>
\t\t<join>
\t\t\t<multicast enabled="true">
\t\t\t\t<multicast-group>224.0.0.0</multicast-group>
\t\t\t\t<multicast-port>54327</multicast-port>
\t\t\t</multicast>
\t\t</join>
\t\t{interfaces}
\t</network>
</hazelcast>
"""


def persistence_xml(release: Release, database: str, host: str, password: str) -> str:
    """A stock persistence.xml, edited as the clustering page says."""
    stock = release.persistence[database]
    place = {"host": host, "port": stock.port, "name": stock.name}
    pairs = dict(stock.connection) | {"Username": "om_user", "Password": password}
    pairs["Url"] = pairs["Url"].format(**place)
    if stock.zone_option:  # as OpenMeetings' installer adds it
        pairs["Url"] += f"&{stock.zone_option}=Europe/Berlin"
    packed = "\n\t\t\t\t, ".join(f"{name}={escape(value)}" for name, value in pairs.items())
    classes = "\n".join(f"\t\t<class>{name}</class>" for name in release.entities)
    properties = "\n".join(
        f"\t\t\t<property name={quoteattr(name)} value={quoteattr(value)} />"
        for name, value in stock.properties
        if value
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<persistence xmlns="{release.jpa.namespace}" version="{release.jpa.version}">
\t<persistence-unit name="{stock.unit}" transaction-type="{stock.transaction_type}">
\t\t<provider>{stock.provider}</provider>
{classes}
\t\t<exclude-unlisted-classes>{stock.exclude_unlisted_classes}</exclude-unlisted-classes>
\t\t<properties>
\t\t\t<property name="openjpa.ConnectionProperties"
\t\t\t\tvalue="{packed}" />
{properties}
\t\t\t<property name="openjpa.RemoteCommitProvider" value="tcp(Addresses=127.0.0.1)" />
\t\t</properties>
\t</persistence-unit>
</persistence>
"""


SETENV = """\
JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/opt/omdata -Xmx2g"
JAVA_OPTS="$JAVA_OPTS -Dopenjpa.serialization.class.blacklist=*"
JAVA_OPTS="$JAVA_OPTS -Dopenjpa.serialization.class.whitelist=[B,java.util,\
org.apache.openjpa,org.apache.openmeetings.db.entity"
"""
UNIT = """\
[Unit]
Description=OpenMeetings
[Service]
User=nobody
Group=nogroup
Environment=CATALINA_BASE=/opt/open
ExecStart=/opt/open/bin/catalina.sh run
[Install]
WantedBy=multi-user.target
"""


def by_hand(
    folder: Path, release: str = "9.1.0", database: str = "postgresql", nodes: int = 3
) -> None:
    """A cluster as the clustering page makes it: the first node serves the folder over NFS."""
    known = RELEASES[release]
    others = " ".join(
        f"10.1.1.{i}(rw,sync,no_subtree_check,root_squash)" for i in range(2, nodes + 1)
    )
    for i in range(1, nodes + 1):
        tree = folder / f"om{i}"
        home = f"opt/open/{CLASSES}"
        url = f"https://om{i}.example.org:5443/openmeetings"
        put(tree, f"{home}/hazelcast.xml", hazelcast_xml(known, f"om{i}", url))
        xml = persistence_xml(known, database, "10.1.1.250", f"pa55-{database}")
        put(tree, f"{home}/META-INF/persistence.xml", xml)
        put(tree, f"opt/open/webapps/openmeetings/WEB-INF/lib/openmeetings-db-{release}.jar", b"")
        put(tree, "opt/open/bin/setenv.sh", SETENV)
        put(tree, "etc/systemd/system/openmeetings.service", UNIT)
        put(tree, "etc/hostname", f"om{i}\n")
        put(tree, "etc/timezone", "Europe/Berlin\n")
        hosts = "".join(f"10.1.1.{j} om{j} om{j}.example.org\n" for j in range(1, nodes + 1))
        put(tree, "etc/hosts", f"127.0.0.1 localhost\n{hosts}")
        if i == 1:
            put(tree, "etc/exports", f"/opt/omdata {others}\n")
        else:
            line = "10.1.1.1:/opt/omdata /opt/omdata nfs timeo=50,hard,_netdev 0 0\n"
            put(tree, "etc/fstab", line)


def edit(tree: Path, path: str, pattern: str, replacement: str) -> None:
    """Edit a file of a tree; what the pattern stands for must be there."""
    place = tree / path
    text = place.read_text()
    changed = re.sub(pattern, replacement, text)
    assert changed != text, path
    place.write_text(changed)
