"""Hostile values, a table for each kind of place in a spec: what real programs are tried with."""

from __future__ import annotations

# fmt: off
ASCII = [chr(code) for code in range(32, 127) if chr(code) != "/"]
PATHS = [
    *(f"/srv/{char}a{n}{char}b{char}" for n, char in enumerate(ASCII)), "/srv/é→😀", "/srv/e\u0301",
    "/srv/ a / b ", "/srv/a  b", "/srv/~root", "/srv/%u%%", "/srv/a,b", "/srv/" + "a" * 230,
    "/srv/" + "é" * 60, "/srv/" + "é" * 100, "/srv/" + " " * 255, "/srv" + "/ abcdefg" * 110,
    "/srv" + "/abcdefgh" * 120, "/srv/a(ro)", "/srv/a /etc *(rw)", "/srv/a\n/etc *(rw)",
    "/srv/a\\\n", "/srv/a\\040b", "/srv/a#b", "/srv/a:b", "/srv/x 10.1.1.9(rw)",
]
EXPORT_OPTIONS = [
    'mp="', 'refer="', 'x"', "mp=a)b", "a)b", "a(b", "mp", "mp=/srv", "mp=/srv/ü", "mp=a b", "x-a",
    "refer=/a@10.1.1.9", "refer=/a@10.1.1.9+10.1.1.8:/b@10.1.1.7", "refer=/a b@x", "frobnicate",
    "fsid=0", "fsid=root", 'fsid="', "sec=sys", "sec=sys:krb5", "sec=sys)", "anonuid=-2", "rw#",
    "#", "anonuid=1 *(rw", "sec=sys\\", "no_root_squash,sync", "-rw", "rw,", "mp=" + "a" * 252,
    "crossmnt", "mp=/" + "a" * 250, "mp=\\", "mp=*", "mp=$x", "mp=`x`", "mp='", "mp=%", "mp=~",
    "mp=-x", "mp=+@:",
]
MOUNT_OPTIONS = [
    'x-a="', 'comment="', "x-a=b c", "x-a=b,ro", "x-a=%u", "x-a=é", "x-a=a=b", "x-a=\\040",
    "x-a=#", "x-systemd.requires=a.service", "x-systemd.requires=/srv/x",
    "x-systemd.requires=-H.service", "x-systemd.requires=a\\x2db.mount",
    "x-systemd.after=a.service b.service", "x-systemd.frob=1",
    "x-systemd.requires-mounts-for=/srv/%u", "x-systemd.wanted-by=a.target", "context=a:b:c:s0",
    'context="a:b:c:s0,c1"', "comment=it's", "comment=;x", "user=om", "user=-x", "fsc=a b",
    "frob=1", "clientaddr=fd00::1", "clientaddr=10.1.1.1", "clientaddr=a;b", "hard 0 0",
    "hard\n/x /y nfs", "#", "x-a=" + "b" * 251, "x-a=" + "b" * 252, "x-a=" + "é" * 130, "-o",
    "--bind", "a b", "'", "x-a=(b)",
]
SHARES = [
    "om", "OM data", "homes", "home\u017f", "GLOBAL", "a]b", "[a", "a;b", "a#b", "a%b", "%S", "a$",
    "$a", "a b  c", " a", "a ", "a\\", 'a"b', "ü", "e\u0301", "-a", "a-", "a.b", "x" * 80,
    "x" * 81, "a=b", "include", "a/b", "a,b", "a:b", "a*b", "global]\n[x", "\u212aelvin", "ipc$",
    "1", "été 2",
]
UNITS = [
    "openmeetings.service", "om@1.service", "om@.service", "-Hevil.service", "--now.service",
    "a.b.service", "a:b.service", "_a.service", ".a.service", "@a.service", "om@a@b.service",
    "a b.service", "a%i.service", "om@-x.service", "a\\x2d.service", "a*.service", "a.mount",
    "é.service", "none", "a\n.service", "a" * 245 + ".service", "a" * 246 + ".service",
    "omconf-firewall.service", "omconf-x.service",
]
JAVA_OPTIONS = [
    *(f"-Da{n}={char}x{char}" for n, char in enumerate(ASCII)), "-Dc=a  b", "-Dc= a ", "-Dc=\\\\",
    "-Dc='\"'\"", "-Dc=$(id)", "-Dc=`id`", "-Dc=${HOME}", "-Dc=é→😀", "-Dc=a\nb", "-Dc=$IFS",
    "-Dc=!!", "-Dc=%s", "-XX:OnError=kill -9 %p; id", "-Xlog:gc*:file=/a b", "-x", "-jar", "-cp",
    "-classpath", "-version", "--version", "-h", "-?", "@file", "--add-opens", "-Xmx1g -Xms1g",
    "--add-opens=java.base/java.lang=ALL-UNNAMED", "-ea", "-server", "-agentlib:jdwp=server=y",
    "--dry-run", "-Dc=" + "x" * 20000, "-Dc=" + "x" * 100000, "--module=x", "-D=x", "-D", "-",
    "--", "x", "-Da b=c",
]
TEXTS = [
    *(f"{char}a{char}b{char}" for char in ASCII), "${user.name}", "#{1}", "$ENC{x}", "a  b", "]]>",
    "<!--", "&amp;", "\\u0041", "\\n", "é→😀", "\u202e", "x" * 5000, "\\", "a\\", "=", ":x", "!x",
    "#x", " x", "x ", "a\nb", "\t", "%41", "'\"", "--", "-H",
]
URLS = [
    *(f"https://om.example.org/*a*_b_/{char}" for char in ASCII), "https://om.example.org/&copy;",
    "https://om.example.org/%41%zz", "https://om.example.org/%2541", "https://om.example.org/é",
    "https://0x7f.1/a", "https://1.2/a", "https://om.example.org:0/a",
    "https://om.example.org/~a~~b~~", "https://om.example.org/(a)", "https://om.example.org/a;b=c",
    "https://om.example.org/" + "a" * 1900, "https://om.example.org/" + "a" * 2000, "https://-a/b",
]
SSH = [
    "om1", "root@om1", "ssh://root@10.1.1.1:2222", "-oProxyCommand=id", "root@-x", "ssh://-x",
    "a b", "%h", "a%n", "$(id)", "a;id", "a'b", "root@[fd00::1]", "@om1", "a@b@c", "é", "a/b",
    "ssh://a/b",
]
# fmt: on
