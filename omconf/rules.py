"""The rules: each thing that omconf reports, by its id. docs/rules/ has a page of each.

An id keeps its meaning. Rules up to OM299 are about the spec, from OM300 on about deployed files, from
OM400 on about bundles, from OM500 on about running nodes, from OM600 on about an apply.
"""

from __future__ import annotations

from omconf.diagnostics import Rule, Severity

NO_SPEC = Rule("OM100", Severity.ERROR, "the spec file cannot be read")
NOT_YAML = Rule("OM101", Severity.ERROR, "the spec is not YAML")
DUPLICATE_KEY = Rule("OM102", Severity.ERROR, "a duplicate key in a mapping")
UNKNOWN_KEY = Rule("OM103", Severity.ERROR, "an unknown key")
MISSING_KEY = Rule("OM104", Severity.ERROR, "a required key is missing")
WRONG_VALUE = Rule("OM105", Severity.ERROR, "a value of the wrong type or format")
PLAIN_SECRET = Rule("OM106", Severity.ERROR, "a secret written in plain text")
LIMIT = Rule("OM107", Severity.ERROR, "the file is not UTF-8, too large, too deep or an alias bomb")
WRONG_VERSION = Rule("OM108", Severity.ERROR, "an unsupported `omconf:` format version")
UNKNOWN_RELEASE = Rule("OM109", Severity.ERROR, "an unknown OpenMeetings release")
EXISTS = Rule("OM111", Severity.ERROR, "an output file that already exists or cannot be written")
POINTLESS = Rule("OM112", Severity.WARNING, "an `ignore` that silences nothing")

SAME_ADDRESS = Rule("OM201", Severity.ERROR, "two nodes with the same address")
SAME_URL = Rule("OM202", Severity.ERROR, "two nodes with the same url")
NODE_NAME = Rule("OM203", Severity.ERROR, "a node name that is reserved or not a valid host label")
ONE_NODE = Rule("OM204", Severity.WARNING, "a cluster of one node")
NUMERIC_URL = Rule("OM205", Severity.WARNING, "a url with an IP address instead of a host name")
NOT_A_URL = Rule("OM206", Severity.ERROR, "a node's url that is not https or not a plain URL")
OTHER_PATH = Rule("OM207", Severity.WARNING, "a url whose path is not the webapp's")
RENAMED = Rule("OM208", Severity.ERROR, "a `renamed_from` that cannot be the node's earlier name")
ONE_NAT = Rule("OM209", Severity.WARNING, "nodes that share one public address")
EMBEDDED_DATABASE = Rule(
    "OM210", Severity.ERROR, "an embedded database, which cannot serve a cluster"
)
LOOPBACK = Rule("OM211", Severity.ERROR, "a loopback database address for more than one node")
UNQUOTABLE = Rule("OM212", Severity.ERROR, "a value that OpenJPA's configuration cannot represent")
COMMA = Rule("OM213", Severity.WARNING, "a comma that OpenMeetings' installer cannot parse")
BAD_SETTING = Rule("OM214", Severity.ERROR, "an invalid JDBC option or pool setting")
TOO_MANY = Rule("OM215", Severity.WARNING, "pools that open more connections than the server has")
NOT_TAKEN = Rule("OM216", Severity.ERROR, "a name that the database server would change or reject")
ADMINISTRATOR = Rule(
    "OM217", Severity.WARNING, "OpenMeetings connects as the database administrator"
)
KEY = Rule("OM218", Severity.WARNING, "accounts that MySQL 8 may reject")
NO_EMOJI = Rule("OM219", Severity.WARNING, "a connection that cannot store every character")
NOT_MULTICAST = Rule("OM220", Severity.ERROR, "a discovery group that is not a multicast address")
LINK_LOCAL_GROUP = Rule("OM221", Severity.WARNING, "a multicast group that routers never forward")
TTL_ZERO = Rule("OM222", Severity.ERROR, "ttl 0, with which every member starts alone")
OUT_OF_RANGE = Rule("OM223", Severity.ERROR, "a ttl or port out of range")
OUTSIDE_SUBNET = Rule("OM224", Severity.WARNING, "a node that multicast may not reach")
PORT_TWICE = Rule("OM225", Severity.ERROR, "two services of a node on the same port")
MANY_MEMBERS = Rule(
    "OM226", Severity.WARNING, "member lists that grow with the square of the nodes"
)
CLOSED_URL = Rule("OM227", Severity.WARNING, "a url whose port the node's firewall closes")
NO_SHARED_NETWORK = Rule("OM228", Severity.WARNING, "multicast between nodes that share no network")
EXPORT_PATH = Rule(
    "OM230", Severity.ERROR, "a server that is not a node, or an invalid export path"
)
ROOT_EXPORT = Rule("OM231", Severity.WARNING, "root on any node is root on the shared data")
DATA_LOSS = Rule("OM232", Severity.WARNING, "an export or mount that can lose data")
MOUNT_OPTION = Rule("OM233", Severity.ERROR, "a misspelt or invalid mount or export option")
IGNORED_OPTION = Rule("OM234", Severity.WARNING, "a mount option that Linux ignores")
NOT_NETDEV = Rule(
    "OM235", Severity.WARNING, "a network mount that systemd may order wrongly at boot"
)
IN_THE_WAY = Rule(
    "OM236", Severity.ERROR, "a data folder that overlaps OpenMeetings or a system folder"
)
NFSV4_ROOT = Rule("OM237", Severity.ERROR, "an NFSv4 root and a mount that do not match")
NODE_SHUT_OUT = Rule("OM238", Severity.ERROR, "a node that no client of the export matches")
LOCAL_FILE_SYSTEM = Rule("OM239", Severity.ERROR, "a file system that only one host can mount")
IPV6 = Rule("OM240", Severity.ERROR, "an IPv6 address")
UNKNOWN_ZONE = Rule("OM250", Severity.ERROR, "an unknown time zone")
UNCARRIABLE = Rule("OM260", Severity.ERROR, "a character that the target format cannot represent")
CONTRADICTION = Rule("OM261", Severity.ERROR, "a property that contradicts what omconf writes")
"""Each kind says it of the further properties that the spec gives to its file."""
PLAIN_PROPERTY = Rule("OM262", Severity.ERROR, "a property that is a secret in plain text")
BAD_EXTRA = Rule("OM263", Severity.ERROR, "additional Hazelcast configuration that cannot be used")
BY_JAR = Rule("OM264", Severity.ERROR, "a hazelcast.xml that Hazelcast's own schema rejects")
NOT_IN_RELEASE = Rule("OM270", Severity.ERROR, "a setting that the release does not have")
MANY_SHARE = Rule("OM271", Severity.ERROR, "a media server shared by too many nodes")
SEVERAL = Rule("OM280", Severity.ERROR, "database servers that do not fit into one URL")
READ_ONLY = Rule("OM281", Severity.WARNING, "a failover to a read-only server")
CANNOT = Rule("OM282", Severity.ERROR, "a TLS setting that the database driver does not support")
TLS_OPTION = Rule("OM283", Severity.ERROR, "a driver option that `database.tls` already sets")

UNUSABLE_FILE = Rule("OM301", Severity.ERROR, "a deployed file that its program would reject")
"""Every kind's reader says this of a file that it cannot read."""
UNREADABLE = Rule("OM302", Severity.ERROR, "a node or a deployed file that cannot be read")
UNKNOWN_NODE = Rule("OM303", Severity.ERROR, "a node that is not in the spec")
NO_SOURCE = Rule("OM304", Severity.ERROR, "a plan or an import without a source of deployed files")
NOTHING_THERE = Rule("OM305", Severity.WARNING, "a source without files of any node")
FORGOTTEN = Rule("OM306", Severity.WARNING, "a former node that the spec no longer mentions")
WORLD_EXPORT = Rule("OM310", Severity.ERROR, "a path exported to the world by mistake")
DUPLICATE_ENTRY = Rule("OM311", Severity.ERROR, "the same entry both inside and outside the block")
BROKEN_BLOCK = Rule("OM312", Severity.ERROR, "broken markers of omconf's block")
SAME_NAME = Rule("OM313", Severity.WARNING, "the same instance-name on two nodes")
SPLIT_CLUSTER = Rule("OM314", Severity.WARNING, "deployed nodes that cannot form one cluster")
DROPPED = Rule("OM315", Severity.WARNING, "remote commits that a deployed node drops")
NOT_A_FILE = Rule("OM316", Severity.ERROR, "a link or a device where a file is expected")
OPEN = Rule("OM317", Severity.WARNING, "a deployed secret that every user can read")
STANDALONE = Rule("OM318", Severity.WARNING, "a deployed node with no join enabled")
TWO_NAMES = Rule("OM319", Severity.WARNING, "a deployed node with two different names")
PLACEHOLDER = Rule(
    "OM320", Severity.WARNING, "a deployed placeholder that was never replaced by its secret"
)
FOREIGN = Rule("OM321", Severity.ERROR, "a file that another cluster's omconf wrote")
NO_SECRET = Rule("OM322", Severity.WARNING, "a secret that cannot be read")
BY_HAND = Rule("OM323", Severity.WARNING, "a JVM option that is set both by omconf and by hand")
UNBELIEVABLE = Rule(
    "OM324", Severity.WARNING, "a node's manifest that lists files omconf did not write"
)
KEPT = Rule(
    "OM325", Severity.WARNING, "a former omconf path that is the same file as a current one"
)
BEHIND = Rule("OM326", Severity.ERROR, "a line after the block that changes the share")
TWO_WANTED = Rule("OM327", Severity.ERROR, "two paths of omconf that are the same file")
NO_INTERFACE = Rule("OM328", Severity.WARNING, "interfaces that match no address of their node")
BROKEN_LINE = Rule(
    "OM329", Severity.WARNING, "a line outside omconf's block that its program rejects"
)
UNWRITABLE = Rule("OM330", Severity.ERROR, "a plan or its page that cannot be written")
NO_PLAN = Rule("OM331", Severity.ERROR, "a file that is not a plan or cannot be read")
NEWER = Rule("OM332", Severity.ERROR, "a plan that another version of omconf saved")
UNKNOWN = Rule("OM333", Severity.WARNING, "a cluster setting whose value only the node knows")
COUNTS_AS_FALSE = Rule("OM334", Severity.WARNING, "a boolean that Hazelcast reads as false")
SWAPPED = Rule("OM335", Severity.WARNING, "a Hazelcast jar that the release does not ship")
EXPOSED = Rule("OM340", Severity.WARNING, "the shared folder exported to more than the nodes")
MOUNT_UNIT = Rule("OM341", Severity.WARNING, "a mount unit with something else on the data folder")
SHUT_OUT = Rule("OM342", Severity.WARNING, "hosts of Samba's [global] section that shut nodes out")
OVERRULED = Rule("OM343", Severity.WARNING, "a JVM option that overrides omconf's block")
BEYOND_LIMIT = Rule("OM344", Severity.ERROR, "a deployed file that exceeds a limit of omconf")
"""A reader reports this where it stops, so that no part of a file is left out without a word."""
NO_ROOT = Rule("OM345", Severity.WARNING, "the root of NFSv4 is not exported to all nodes")
MISSING_SETTING = Rule(
    "OM350", Severity.ERROR, "a value that an import needs and no file of a node has"
)
DRIFT = Rule("OM351", Severity.WARNING, "a setting that differs between imported nodes")
NOT_KEPT = Rule("OM352", Severity.WARNING, "a setting of a node that an import leaves out")
GUESSED = Rule("OM353", Severity.WARNING, "a value that an import had to guess")

NO_HOST = Rule("OM360", Severity.ERROR, "a node that is not one host of the Ansible inventory")
NO_PLAYBOOK = Rule("OM361", Severity.ERROR, "an `ansible-playbook` that reaches no node")
UNTESTED = Rule(
    "OM362", Severity.WARNING, "a version of ansible-core that omconf is not tested with"
)

OWN_SCHEMA = Rule(
    "OM400", Severity.ERROR, "a compiled file that omconf's own schema or reader rejects"
)
FOREIGN_FILE = Rule("OM401", Severity.ERROR, "a file in the bundle directory that is not omconf's")
BUSY = Rule("OM402", Severity.ERROR, "a bundle directory that another build is writing")
UNUSABLE = Rule("OM403", Severity.ERROR, "a bundle directory that cannot be read or written")
BROKEN_MANIFEST = Rule(
    "OM404", Severity.ERROR, "a bundle manifest that is broken or of a newer format"
)
NOT_PRIVATE = Rule(
    "OM405", Severity.ERROR, "a directory for real secrets that other users can enter"
)
IN_GIT = Rule("OM406", Severity.ERROR, "secrets that would be written into a git work tree")
NO_SUCH_PLACE = Rule("OM410", Severity.ERROR, "an unknown rule, file or line")
OUTDATED = Rule(
    "OM411", Severity.WARNING, "a bundle file that differs from what the spec compiles to"
)
TOO_LARGE = Rule("OM412", Severity.ERROR, "a compiled file that would be too large")

NO_NODES = Rule("OM501", Severity.ERROR, "a `verify` without nodes or a way to reach them")

NOT_APPLIED = Rule("OM601", Severity.ERROR, "a plan that cannot be applied")
LOCKED = Rule("OM602", Severity.ERROR, "a node that another apply holds")
NOBODY = Rule("OM603", Severity.ERROR, "an approval that nobody is there to give")
NO_UNDO = Rule("OM604", Severity.ERROR, "an apply that cannot be undone")
BROKEN = Rule("OM605", Severity.WARNING, "a journal that is inconsistent")
SILENT = Rule("OM606", Severity.ERROR, "a node that does not answer")


def all_rules() -> dict[str, Rule]:
    """Return the rules by id, in the order of their ids."""
    return {rule.id: rule for rule in globals().values() if isinstance(rule, Rule)}
