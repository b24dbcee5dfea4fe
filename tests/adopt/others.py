"""Clusters that other people set up by hand, each in its own way, and two mistakes for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omconf.releases import RELEASES
from tests.adopt.trees import edit, hazelcast_xml, persistence_xml, put

APP = "WEB-INF/classes"
HOSTS = "127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n"


def _webapp(tree: Path, home: str, release: str, hazelcast: str, persistence: str) -> None:
    app = f"{home}/webapps/openmeetings/WEB-INF"
    put(tree, f"{app}/classes/hazelcast.xml", hazelcast)
    put(tree, f"{app}/classes/META-INF/persistence.xml", persistence)
    for jar in ("db", "util", "web"):
        put(tree, f"{app}/lib/openmeetings-{jar}-{release}.jar", b"")


def files_of(home: str) -> tuple[str, str]:
    app = f"{home.lstrip('/')}/webapps/openmeetings/WEB-INF/classes"
    return f"{app}/hazelcast.xml", f"{app}/META-INF/persistence.xml"


def mysql_over_tls_and_a_windows_share(folder: Path) -> None:
    """MariaDB's server by TLS, a share of Active Directory, a list of members, a drop-in."""
    home, release = "/srv/tomcat/om810", "8.1.0"
    names = ("conf-a", "conf-b", "conf-c")
    members = "".join(f"\t\t\t\t<member>172.20.3.{11 + i}</member>\n" for i in range(3))
    for i, name in enumerate(names):
        tree = folder / name
        url = f"https://{name}.video.uni.example/openmeetings"
        xml = hazelcast_xml(RELEASES[release], name, url, "")
        xml = xml.replace(
            '<multicast enabled="true">',
            f'<tcp-ip enabled="true">\n{members}\t\t\t</tcp-ip>\n\t\t\t<multicast enabled="false">',
        )
        xml = xml.replace(
            "\t<instance-name>", "\t<cluster-name>video</cluster-name>\n\t<instance-name>"
        )
        xml = xml.replace(
            "\t<network>", '\t<network>\n\t\t<port auto-increment="false">5701</port>'
        )
        unit = persistence_xml(RELEASES[release], "mysql", "db.uni.example", "my5ql-pa55")
        unit = unit.replace("useSSL=false", "sslMode=VERIFY_IDENTITY")
        tls = "trustCertificateKeyStoreUrl=file:/etc/ssl/uni-ca.p12"
        tls += (
            "&amp;trustCertificateKeyStoreType=PKCS12&amp;trustCertificateKeyStorePassword=changeit"
        )
        unit = unit.replace(
            "nullNamePatternMatchesAll=true", f"nullNamePatternMatchesAll=true&amp;{tls}"
        )
        unit = unit.replace("/openmeetings?", "/om_prod?").replace("om_user", "om_prod")
        _webapp(tree, home, release, xml, unit)
        put(
            tree,
            f"{home}/bin/setenv.sh",
            "#!/bin/sh\n"
            'export CATALINA_OPTS="-Xms1g -Xmx4g"\n'
            'CATALINA_OPTS="$CATALINA_OPTS -DDATA_DIR=/data/om"\n'
            '# CATALINA_OPTS="$CATALINA_OPTS -Dold=1"\n'
            "export JAVA_HOME=/usr/lib/jvm/java-17\n",
        )
        put(
            tree,
            "/etc/systemd/system/om.service",
            "[Unit]\nDescription=Conferences\nAfter=network.target data-om.mount\n\n"
            "[Service]\nType=simple\nUser=tomcat\nGroup=tomcat\n"
            f"WorkingDirectory={home}\nExecStart={home}/bin/catalina.sh run\nRestart=always\n\n"
            "[Install]\nWantedBy=multi-user.target\n",
        )
        put(
            tree,
            "/etc/systemd/system/om.service.d/limits.conf",
            "[Service]\nLimitNOFILE=65536\nEnvironment=TZ=Europe/Vienna\n",
        )
        put(tree, "/etc/hostname", f"{name}.video.uni.example\n")
        put(tree, "/etc/timezone", "Europe/Vienna\n")
        put(
            tree,
            "/etc/netplan/01-net.yaml",
            "network:\n  version: 2\n  ethernets:\n    ens18:\n"
            f"      addresses:\n        - 172.20.3.{11 + i}/24\n"
            "      nameservers: {addresses: [172.20.0.53]}\n",
        )
        put(
            tree,
            "/etc/fstab",
            "UUID=0a3407de-014b-458b-b5c1-848e92a327a3 / ext4 defaults 0 1\n"
            "//filer.uni.example/video$ /data/om cifs "
            "credentials=/root/.smb-om,uid=tomcat,gid=tomcat,vers=3.1.1,file_mode=0660,"
            "dir_mode=0770,_netdev 0 0\n",
        )
        put(tree, "/root/.smb-om", "username=svc-om\npassword=Fi1er-pa55\ndomain=UNI\n")


def plant_mysql(folder: Path) -> None:
    """Another cluster-name on conf-b; no RemoteCommitProvider on conf-c."""
    hazelcast, persistence = files_of("/srv/tomcat/om810")
    edit(folder / "conf-b", hazelcast, ">video<", ">video2<")
    edit(folder / "conf-c", persistence, r"\t*<property name=\"openjpa.Remote[^\n]*\n", "")


def postgresql_over_tls_and_a_filer(folder: Path) -> None:
    """PostgreSQL by TLS, a filer's NFSv4 by a mount unit."""
    home, release = "/home/om/open720", "7.2.0"
    for i in (1, 2, 3, 4):
        tree = folder / f"node{i}"
        url = f"https://meet.example.net/n{i}/openmeetings"
        xml = hazelcast_xml(RELEASES[release], f"node{i}", url, f"192.168.40.{20 + i}")
        xml = xml.replace("224.0.0.0", "239.7.7.7")
        unit = persistence_xml(RELEASES[release], "postgresql", "pg.example.net", "p0stgres-pa55")
        tls = "ssl=true&amp;sslmode=verify-full&amp;sslrootcert=/etc/ssl/certs/om-ca.pem"
        unit = unit.replace(":5432/openmeetings", f":6432/meet?{tls}&amp;ApplicationName=om")
        _webapp(tree, home, release, xml, unit)
        put(
            tree,
            f"{home}/bin/setenv.sh",
            'CATALINA_OPTS="-Xmx3072m -XX:+UseG1GC -DDATA_DIR=/srv/omdata"\n',
        )
        put(
            tree,
            "/etc/systemd/system/openmeetings.service",
            "[Unit]\nDescription=OM\nRequiresMountsFor=/srv/omdata\n[Service]\nType=forking\n"
            f"User=om\nGroup=om\nExecStart={home}/bin/startup.sh\nExecStop={home}/bin/shutdown.sh\n"
            "[Install]\nWantedBy=multi-user.target\n",
        )
        put(
            tree,
            "/etc/systemd/system/srv-omdata.mount",
            "[Unit]\nDescription=data\n[Mount]\nWhat=nas01.example.net:/vol/om\n"
            "Where=/srv/omdata\nType=nfs4\nOptions=hard,timeo=600,_netdev\n"
            "[Install]\nWantedBy=remote-fs.target\n",
        )
        put(tree, "/etc/hostname", f"node{i}\n")
        put(tree, "/etc/hosts", HOSTS + f"192.168.40.{20 + i} node{i}.example.net node{i}\n")
        put(tree, "/etc/timezone", "America/New_York\n")


def plant_postgresql(folder: Path) -> None:
    """Another data folder on node3; another group on node4."""
    edit(folder / "node3", "home/om/open720/bin/setenv.sh", "/srv/omdata", "/srv/omdata-old")
    edit(folder / "node4", files_of("/home/om/open720")[0], "239.7.7.7", "239.7.7.8")


def mssql_and_a_subnet(folder: Path) -> None:
    """SQL Server by TLS, NFS from the first node to a subnet, with further exports of its own."""
    home, release = "/opt/open900", "9.0.0"
    for i in (1, 2, 3):
        tree = folder / f"web{i}"
        url = f"https://web{i}.acme.example:5443/openmeetings"
        xml = hazelcast_xml(RELEASES[release], f"web{i}", url, "10.20.*.*")
        xml = xml.replace(
            "\t<instance-name>", "\t<cluster-name>acme-om</cluster-name>\n\t<instance-name>"
        )
        unit = persistence_xml(RELEASES[release], "mssql", "sql.acme.example", "m5sql-pa55")
        unit = unit.replace(
            "databaseName=openmeetings", "databaseName=OM;encrypt=true;trustServerCertificate=true"
        )
        _webapp(tree, home, release, xml, unit)
        put(
            tree,
            f"{home}/bin/setenv.sh",
            'JAVA_OPTS="-Xmx4g"\nJAVA_OPTS="${JAVA_OPTS} -Duser.timezone=Asia/Tokyo"\n'
            'export JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/opt/omdata"\n',
        )
        put(
            tree,
            "/etc/systemd/system/tomcat.service",
            f'[Service]\nUser=nobody\nEnvironment="CATALINA_HOME={home}"\n'
            f"ExecStart={home}/bin/catalina.sh run\n",
        )
        put(tree, "/etc/hostname", f"web{i}\n")
        every = "".join(f"10.20.0.{j}\tweb{j}.acme.example web{j}\n" for j in (1, 2, 3))
        put(tree, "/etc/hosts", HOSTS + every)
        if i == 1:
            put(
                tree,
                "/etc/exports",
                "# backups\n/srv/backup 10.20.9.0/24(ro,sync,no_subtree_check)\n\n"
                "/opt/omdata 10.20.0.0/24(rw,sync,no_subtree_check,root_squash)\n",
            )
        else:
            put(
                tree,
                "/etc/fstab",
                "/dev/sda1 / xfs defaults 0 0\n"
                "web1:/opt/omdata\t/opt/omdata\tnfs\trw,hard,noatime,x-systemd.automount,_netdev\t0\t0\n",
            )


def plant_mssql(folder: Path) -> None:
    """Another time zone on web2; another database on web3."""
    edit(folder / "web2", "opt/open900/bin/setenv.sh", "Asia/Tokyo", "UTC")
    edit(folder / "web3", files_of("/opt/open900")[1], "databaseName=OM;", "databaseName=OM_TEST;")


Make = Callable[[Path], None]
CLUSTERS: dict[str, tuple[Make, Make]] = {
    "mysql": (mysql_over_tls_and_a_windows_share, plant_mysql),
    "postgresql": (postgresql_over_tls_and_a_filer, plant_postgresql),
    "mssql": (mssql_and_a_subnet, plant_mssql),
}
