"""A small world full of secrets: specs, what they refer to, deployed trees; and the search for them.

Each place has a secret of its own, so that a leak says where it came from. In what omconf writes or
prints a secret is sought as it stands, and in the encodings that programs put texts into.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from functools import cache
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from tests.command import omconf
from tests.real.programs import run

HOSTILE = " &<'\",;%\\$"
"""What stands in the middle of the cluster's own secrets; every format has to escape some of it."""
CLASSES = "opt/om/webapps/openmeetings/WEB-INF/classes"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
PROPERTIES = f"{CLASSES}/openmeetings.properties"
HAZELCAST = f"{CLASSES}/hazelcast.xml"
CREDENTIALS = "etc/omconf/conference/storage.credentials"
CLUSTER = ("database", "storage", "turn", "key", "salt", "parameter", "pem")
"""The secrets of the cluster itself, which the spec refers to."""

SPEC = """\
omconf: 1
cluster: conference
openmeetings: {release: "8.1.0"}
database:
  kind: postgresql
  host: 10.1.1.10
  user: openmeetings
  password: <database>
  options: {sslFilePassword: <parameter>}
  tls: {ca: /etc/ssl/ca.pem, client_cert: /etc/ssl/om.pem, client_key: <pem>}
storage: {kind: cifs, server: om1, share: om, user: omdata, password: <storage>}
kurento: {url: "ws://10.1.1.20:8888/kurento", turn: {url: "turn:10.1.1.20", secret: <turn>}}
secrets: {remember_me_key: <key>, remember_me_salt: <salt>}
nodes:
"""
NODE = '  om{0}: {{address: 10.1.1.{0}, url: "https://om{0}.example.org:5443/openmeetings"}}\n'


def secret(place: str, between: str = "") -> str:
    """The secret of a place: twice 16 letters and digits, with something between them."""
    digest = base64.b32encode(hashlib.sha256(f"omconf {place}".encode()).digest()).decode()
    return digest[:16] + between + digest[16:32].lower()


@cache
def needles(text: str) -> dict[bytes, str]:
    """What to look for, by what it is: encodings that keep letters and digits are one, `plain`."""
    found = {run.encode(): "plain" for run in re.findall(r"[A-Za-z0-9]{12,}", text)}
    for data, name in ((text.encode(), "whole"), (text.encode("utf-16-le"), "utf-16")):
        found[data] = name
        found[data.hex().encode()] = f"hex of {name}"
        found["".join(f"%{byte:02X}" for byte in data).encode()] = f"percent of {name}"
        for before in range(3):
            shifted = base64.b64encode(bytes(before) + data)
            # Only what does not depend on the bytes before and after.
            inner = shifted[-(-before * 8 // 6) : len(shifted) // 4 * 4 - 4]
            found[inner] = found[inner.translate(bytes.maketrans(b"+/", b"-_"))] = (
                f"base64 of {name}"
            )
    for end in ("", "\n"):
        for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            digest = hashlib.new(algorithm, (text + end).encode())
            found[digest.hexdigest().encode()] = algorithm
            found[base64.b64encode(digest.digest())] = f"base64 of {algorithm}"
    return found


def leaks(data: bytes, secrets: dict[str, str]) -> list[str]:
    """Say which secrets (by place) stand in the data, and how they are written there."""
    return sorted(
        {
            f"{place}: {how}"
            for place, text in secrets.items()
            for needle, how in needles(text).items()
            if needle in data
        }
    )


class World:
    """The files of the world in a folder; `secrets` are all that were planted, by place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = {name: secret(name, HOSTILE) for name in CLUSTER}
        self.environment = {f"OM_{name.upper()}": self.secrets[name] for name in CLUSTER}
        self.specs()
        self.bundles()
        self.deployed()
        self.further_files()

    def plant(self, place: str, between: str = "") -> str:
        """Take a new secret for a place."""
        assert place not in self.secrets
        self.secrets[place] = secret(place, between)
        return self.secrets[place]

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(mode)

    def specs(self) -> None:
        """Three specs, in which each secret comes from the environment, a file and a command."""
        for name in CLUSTER:
            self.write(f"kept/{name}", f"{self.secrets[name]}\nsecond line\n", 0o600)
            text = self.secrets[name].replace("'", "'\\''")
            self.write(f"commands/{name}", f"#!/bin/sh\nprintf '%s\\n' '{text}'\n", 0o700)
        nodes = "".join(NODE.format(i) for i in range(1, 6))
        for shift, spec in enumerate(("cluster.yaml", "second.yaml", "third.yaml")):
            text = SPEC + nodes
            for place, name in enumerate(CLUSTER, shift):
                ways = f"{{env: OM_{name.upper()}}}", f"{{file: kept/{name}}}"
                way = (*ways, f"{{command: [./commands/{name}]}}")[place % 3]
                way = f"{way[:-1]}, whole: true}}" if name == "pem" else way
                text = text.replace(f"<{name}>", way)
            self.write(spec, text)
        # What it runs is not far away: the test gives it the files of a node.
        self.write("commands/ssh", '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n', 0o700)
        self.write("commands/sudo", '#!/bin/sh\nshift\nexec "$@"\n', 0o700)
        self.write("kept/open", f"{self.plant('a file that others can read')}\n", 0o644)
        lost = self.plant("a command that fails")
        complaint = f"printf '%s\\n' '{lost}'; echo 'cannot unlock {lost}' >&2; exit 7"
        self.write("commands/fails", f"#!/bin/sh\n{complaint}\n", 0o700)
        self.write("commands/garbled", f"#!/bin/sh\nprintf '\\377%s' '{lost}'\n", 0o700)
        unread = SPEC.replace("<database>", "{file: kept/open}").replace("<turn>", "{env: NOT_SET}")
        unread = unread.replace("<storage>", "{command: [./commands/fails]}")
        unread = unread.replace("<key>", "{command: [./commands/garbled]}")
        unread = unread.replace("<parameter>", "{command: [./commands/fails]}")
        unread = unread.replace("<pem>", "{file: kept/open, whole: true}")
        self.write("unread.yaml", unread.replace("<salt>", "{file: no-such-file}") + nodes)

    def bundles(self) -> None:
        """The bundles, a copy of them that was filled in by hand, and the right secrets deployed."""
        folder = self.folder
        built = omconf("build", folder / "cluster.yaml", "-o", folder / "bundles")
        assert built.code == 0, built.err
        revealed = ("build", "-o", "revealed", "--reveal-secrets")
        done = omconf(*revealed, cwd=folder, env=self.environment)
        assert done.code == 0, done.err
        shutil.copytree(folder / "revealed", folder / "filled")
        self.lay_local()
        for part in ("files", "blocks", "keys"):
            source, target = folder / f"revealed/om1/{part}", folder / "deployed/om1"
            if source.exists():
                shutil.copytree(source, target, dirs_exist_ok=True)
        assert leaks((folder / f"deployed/om1/{PERSISTENCE}").read_bytes(), self.secrets)
        git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
        shutil.copytree(folder / "bundles", folder / "repo/bundles")
        shutil.copytree(folder / "revealed", folder / "repo/filled")
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "bundles and a mistake"]):
            run(*git, *words, cwd=folder / "repo")

    def lay_local(self) -> None:
        """The second node's files as they stand on itself, its home below /mnt."""
        spec, made = self.folder / "local.yaml", self.folder / "local"
        home = 'release: "8.1.0", home: /mnt/om, data_dir: /mnt/omdata'
        destination = "node_defaults: {ssh: 'ssh://root@127.0.0.1:1'}\nnodes:\n"
        text = (self.folder / "cluster.yaml").read_text().replace('release: "8.1.0"', home)
        spec.write_text(text.replace("nodes:\n", destination))
        done = omconf(
            "build", spec, "-o", made, "--reveal-secrets", cwd=self.folder, env=self.environment
        )
        assert done.code == 0, done.err
        manifest = made / "om2/files/etc/omconf/conference/manifest.json"
        shutil.copy(made / "om2/manifest.json", manifest)
        shutil.copytree(made / "om2/keys", made / "om2/files", dirs_exist_ok=True)

    def deployed(self) -> None:
        """Nodes that were set up by hand, or whose files do not parse."""
        saved = self.folder / "saved.json"
        by_node = {
            "om2": self.by_hand(),
            "om3": self.torn(),
            "om4": self.other_ways(),
            "om5": self.mistyped(),
        }
        for node, files in by_node.items():
            for path, text in files.items():
                self.write(f"deployed/{node}/{path}", text)
        planned = ("plan", "--deployed", "deployed", "--out", saved, "--quiet")
        assert omconf(*planned, cwd=self.folder, env=self.environment).code == 1
        assert saved.exists()

    def persistence(self, **properties: str) -> str:
        drawn = "".join(
            f"<property name={quoteattr(name.replace('_', '.'))} value={quoteattr(value)}/>\n"
            for name, value in properties.items()
        )
        return (
            '<persistence xmlns="http://java.sun.com/xml/ns/persistence" version="2.0">\n'
            '<persistence-unit name="openmeetings" transaction-type="RESOURCE_LOCAL">\n'
            f"<properties>\n{drawn}</properties>\n</persistence-unit>\n</persistence>\n"
        )

    def by_hand(self) -> dict[str, str]:
        """Files that an admin wrote, with secrets in the usual places."""
        p = self.plant
        pairs = (
            "DriverClassName=org.postgresql.Driver, Url=jdbc:postgresql://10.1.1.10/om"
            f"?user=om&password={p('url parameter')}&sslpassword={p('url ssl parameter')}"
            f", maxTotal=10, Username=om, Password='{p('ConnectionProperties', ', = &<')}'"
        )
        return {
            PERSISTENCE: self.persistence(openjpa_ConnectionProperties=pairs),
            PROPERTIES: f"kurento.turn.secret={p('turn by hand')}\n"
            f"remember.me.encryption.key = {p('key by hand')}\n"
            f"remember.me.encryption.salt:{p('salt by hand')}\n"
            f"kurento.ws.url=ws://om:{p('kurento url')}@10.1.1.20:8888/kurento\n",
            CREDENTIALS: f"username=om\npassword={p('credentials', ',=')}\ndomain=X\n",
            "etc/fstab": f"//10.1.1.1/om /opt/omdata cifs user=om,pass={p('fstab')},hard 0 0\n"
            f"//om:{p('fstab url')}@10.1.1.1/other /mnt cifs hard 0 0\n",
            "opt/om/bin/setenv.sh": "JAVA_OPTS=-Djavax.net.ssl.keyStorePassword="
            f"{p('setenv')}\nexport DB_PASSWORD='{p('setenv variable')}'\n"
            f"JAVA_OPTS=-Duser.timezone=UTC\\ -Dpw={p('setenv option')}\n",
            "etc/systemd/system/openmeetings.service.d/omconf.conf": "[Service]\n"
            f'Environment="DB_PASSWORD={p("service")}" "API_TOKEN={p("service token")}"\n'
            f"Environment=DB_PW={p('service variable')}\n",
            HAZELCAST: self.hazelcast("license", "hazelcast property", "keystore"),
        }

    def hazelcast(self, *places: str) -> str:
        """A hazelcast.xml with three secrets."""
        license_key, password, keystore = map(self.plant, places)
        return (
            '<hazelcast xmlns="http://www.hazelcast.com/schema/config">\n'
            f"<license-key>{license_key}</license-key>\n<properties>\n"
            f'<property name="hazelcast.password">{password}</property>\n'
            "</properties>\n<network><ssl enabled='true'><properties>\n"
            f'<property name="keyStorePassword">{keystore}</property>\n'
            "</properties></ssl></network>\n</hazelcast>\n"
        )

    def other_ways(self) -> dict[str, str]:
        """The same with other words: logins in urls, other properties, prefixes, lines that go on."""
        p = self.plant
        return {
            PERSISTENCE: self.persistence(
                openjpa_ConnectionURL=f"jdbc:postgresql://om:{p('login in a url')}@10.1.1.10/om",
                openjpa_ConnectionPassword=p("ConnectionPassword", "&<"),
                openjpa_Connection2URL=f"jdbc:oracle:thin:om/{p('oracle', '@/')}@h:1521:om",
                openjpa_ConnectionUserName="om",
                javax_persistence_jdbc_password=p("jdbc.password"),
                openjpa_Connection2Properties=f"user=om,password={p('Connection2')}",
                openjpa_ConnectionFactoryProperties=f"Password={p('factory')}",
            ),
            PROPERTIES: f"kurento.turn.secret=\\\n   {p('continued line')}\n"
            f"kurento.turn.user=om:{p('turn user')}@turn\n",
            CREDENTIALS: f"PASSWD={p('credentials by another name')}\nusername = om%x\n",
            "etc/fstab": "//10.1.1.1/om /opt/omdata cifs "
            f"username=om%{p('login option')},password2={p('second password')} 0 0\n",
            HAZELCAST: '<hz:hazelcast xmlns:hz="http://www.hazelcast.com/schema/config">\n'
            f"<hz:management-center>https://om:{p('center url')}@10.1.1.9/</hz:management-center>\n"
            f"<hz:network><hz:symmetric-encryption enabled='true'><hz:password>{p('encryption')}"
            f"</hz:password><hz:salt>{p('encryption salt')}</hz:salt></hz:symmetric-encryption>"
            "</hz:network></hz:hazelcast>\n",
        }

    def mistyped(self) -> dict[str, str]:
        """The cluster's own secrets, and one by hand, in files of every kind, under other names."""
        database, storage, turn, key, salt = (self.secrets[name] for name in CLUSTER[:5])
        quoted = '"' + database.replace('"', "'") + '"'
        pairs = f"Username=om, Pssword={database}, maxIdle={storage}, Password={self.plant('near')}"
        return {
            PERSISTENCE: self.persistence(
                openjpa_ConnectionProperties=pairs,
                openjpa_Log=turn,
                javax_persistence_jdbc_url=f"jdbc:postgresql://10.1.1.10/om?pw_={quote(salt)}",
                openjpa_ConnectionFactoryProperties=f"Pssword={quoted}",
            ),
            PROPERTIES: f"kurento.turn.user={storage}\nkurento.turn.mode={key}\n"
            f"kurento.turn.url={database}\nkurento.turn.secret=x\n",
            CREDENTIALS: f"username={storage}\npassword={storage}\ndomain={turn}\n",
            "etc/fstab": f"//10.1.1.1/om /opt/omdata cifs username=om,pssword={storage} 0 0\n",
            "etc/samba/smb.conf": f"[om]\npath = /opt/omdata\ncomment = {storage}\n{key} = x\n",
            "opt/om/bin/setenv.sh": '# BEGIN omconf: conference\nJAVA_OPTS="$JAVA_OPTS \\\n'
            f'  -DX={salt}"\n# END omconf: conference\n',
            "etc/systemd/system/openmeetings.service.d/omconf.conf": "[Service]\n"
            f"Environment=DB_PWORD={database} {turn}\n",
            HAZELCAST: '<hazelcast xmlns="http://www.hazelcast.com/schema/config">\n'
            f"<cluster-name>{escape(database)}</cluster-name>\n<properties>\n"
            f"<property name={quoteattr(turn)}>{escape(key)}</property>\n</properties>\n"
            f"<network><port>{escape(salt)}</port></network>\n</hazelcast>\n",
        }

    def torn(self) -> dict[str, str]:
        """Files that their programs, and omconf, cannot read."""
        p = self.plant
        begin = "# BEGIN omconf: conference\n"
        return {
            PERSISTENCE: '<persistence version="2.0"><property name="openjpa.ConnectionProperties"'
            f' value="Username=om, Password={p("a torn persistence.xml", "&")};<x/></persistence>\n',
            HAZELCAST: f"<hazelcast><license-key>{p('a torn hazelcast.xml')}</license>\n",
            PROPERTIES: f"kurento.turn.secret={p('bad escape')}\\uZZZZ\\\n",
            CREDENTIALS: f"{p('no key in the credentials')}\n pass{p('no equals sign')}\n",
            "etc/fstab": f"{begin}//10.1.1.1/om /opt/omdata cifs password={p('torn fstab')}\n",
            "opt/om/bin/setenv.sh": f"{begin}{begin}-Dpassword={p('torn setenv')}\n",
            "etc/omconf/conference/manifest.json": f'{{"password": "{p("torn manifest")}"\n',
        }

    def further_files(self) -> None:
        """Specs that hold secrets themselves, plans that are none, an unpacked OpenMeetings."""
        self.specs_in_plain()
        p = self.plant
        path = "webapps/openmeetings/WEB-INF/classes/META-INF"
        pairs = {"openjpa_ConnectionProperties": f"Username=om, Password={p('a stock file')}"}
        self.write(f"stock/{path}/postgresql_persistence.xml", self.persistence(**pairs))
        in_use = self.persistence(openjpa_Log=f"password={p('a file in use')}")
        self.write(f"stock/{path}/persistence.xml", in_use)
        stock = self.hazelcast("stock license", "stock property", "stock keystore")
        self.write("stock/webapps/openmeetings/WEB-INF/classes/hazelcast.xml", stock)
        self.write("no-plan.json", f'{{"format_version": "1.0", "password": "{p("no plan")}"}}\n')
        self.write("torn.plan", f'{{"format_version": "1.0", "{p("a torn plan")}\n')
        self.write("no.jar", f"password={p('a file that is no jar')}\n")

    def specs_in_plain(self) -> None:
        p = self.plant
        wrong = SPEC.replace("<database>", p("plain database password"))
        wrong = wrong.replace("<storage>", f"{{value: {p('plain storage password')}}}")
        wrong = wrong.replace("<turn>", f"[{p('plain turn secret')}]")
        wrong = wrong.replace("<key>", f"{{env: '{p('plain in env', '!')}'}}")
        wrong = wrong.replace("<salt>", f"{{command: '{p('plain in command', ' ')}'}}")
        wrong = wrong.replace(
            "kind: postgresql\n",
            f"kind: postgresql\n  options: {{password: {p('database.options')}}}\n"
            f"  pasword: {p('a misspelt key')}\n",
        )
        self.write("plain.yaml", wrong + NODE.format(1) + NODE.format(2))
        weak = SPEC.replace("user: omdata,", f"user: omdata, options: [password={p('option')}],")
        weak = weak.replace("ws://", f"ws://om:{p('kurento.url')}@")
        weak = re.sub(r"<(\w+)>", "{env: NOT_SET}", weak)
        node = NODE.format(2).replace("https://", f"https://om:{p('node url')}@")
        self.write("weak.yaml", weak + NODE.format(1) + node)
        sections = (
            f"persistence: {{properties: {{openjpa.ConnectionPassword: {p('persistence')},"
            f" openjpa.Log: 'password={p('any property')}'}}}}\n"
            f"hazelcast: {{extra: extra.xml, properties: {{hazelcast.password: {p('hazelcast')}}}}}\n"
        )
        options = f"['-Dstore.password={p('java_options')}', '-Durl=//om:{p('option url')}@host']"
        late = SPEC.replace('"8.1.0"}', f'"8.1.0", java_options: {options}}}')
        late = late.replace(
            "kind: postgresql\n",
            f"kind: postgresql\n  options: {{password: {p('a database option')}}}\n"
            f"  pool: {{connectionProperties: 'password={p('a pool')}'}}\n",
        )
        late = re.sub(r"<(\w+)>", "{env: NOT_SET}", late)
        late = late.replace("nodes:\n", f"{sections}nodes:\n")
        self.write("properties.yaml", late + NODE.format(1) + NODE.format(2))
        extra = f"<hazelcast><license-key>{p('hazelcast.extra')}</license-key></hazelcast>\n"
        self.write("extra.xml", extra)
        self.write("torn.yaml", SPEC.replace("<database>", f'"{p("a torn spec")}') + "\t: [\n")
        self.write("tab.yaml", f"omconf: 1\ndatabase:\n  password: >\n\t{p('a tab')}\n")
