"""The types of the spec's values, each with its check and with what editors are told of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import core_schema

from omconf.formats import fstab, java, names, options, oracle_net, paths, systemd, urls
from omconf.secret_sources import SecretRef
from omconf.spec import addresses, checks, folders, programs, properties, references, storage

if TYPE_CHECKING:
    from collections.abc import Callable


class _Read:
    """A function that reads a value whole: PlainValidator, but the type that it gives is not examined.

    To examine SecretRef for each key that has one took an eighth of the time that all models take.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        """Return the schema of this function alone."""
        return core_schema.no_info_plain_validator_function(self.function)


def _shaped(
    pattern: re.Pattern[str], example: str | None = None, longest: int | None = None
) -> Any:
    """Tell editors a format's allow-list; the check itself says it with a hint."""
    shape: dict[str, Any] = {"pattern": f"^(?:{pattern.pattern})$"}
    if longest:
        shape["maxLength"] = longest
    return Field(examples=[example] if example else None, json_schema_extra=shape)


def _within(least: int, most: int) -> Any:
    """Tell editors a range; the check itself says it with a hint."""
    return Field(json_schema_extra={"minimum": least, "maximum": most})


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"(?!127\.){_OCTET}(?:\.{_OCTET}){{3}}")
_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_PUBLIC = re.compile(rf"{_ADDRESS.pattern}(?::{_PORT})?")
_SUBNET = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}/[0-9.]+")
_GROUP = re.compile(rf"(?:22[4-9]|23[0-9])(?:\.{_OCTET}){{3}}")
_WEB = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[\s\S]+")
_FOLDER = re.compile(f"/{paths.CARRIED.pattern}")
_EXPORT = re.compile(f"/(?:{paths.CARRIED.pattern})?")
_TURN = re.compile(f"{urls.TURN.pattern}(?:,{urls.TURN.pattern})*")
_TRIMMED = re.compile(r"(?! )[\s\S]*[^ ]")

Text = Annotated[
    str,
    BeforeValidator(checks.text, json_schema_input_type=str | float | bool),
    AfterValidator(checks.clean),
    Field(min_length=1),
]
Reason = Annotated[Text, AfterValidator(checks.reason)]
XmlText = Annotated[Text, AfterValidator(properties.xml_text)]
PropertyName = Annotated[str, AfterValidator(properties.property_name)]
OptionName = Annotated[str, AfterValidator(properties.option_name)]
HazelcastName = Annotated[
    Text,
    AfterValidator(properties.hazelcast_name),
    _shaped(_TRIMMED, "conference", properties.MAX_NAME),
]
ClusterName = Annotated[
    str,
    AfterValidator(checks.cluster_name),
    _shaped(names.LABEL, "conference", names.MAX_LABEL),
]
InstanceName = Annotated[
    Text,
    AfterValidator(checks.instance_name),
    _shaped(names.INSTANCE, "Server 1", names.MAX_INSTANCE),
]
NodeName = Annotated[str, AfterValidator(checks.former_name), Field(examples=["om-old"])]
Address = Annotated[str, AfterValidator(addresses.reachable), _shaped(_ADDRESS, "10.1.1.1")]
PublicAddress = Annotated[
    str, AfterValidator(addresses.public_address), _shaped(_PUBLIC, "203.0.113.7:15701")
]
Subnet = Annotated[str, AfterValidator(addresses.subnet), _shaped(_SUBNET, "10.1.1.0/24")]
Subnets = Annotated[
    list[Subnet],
    BeforeValidator(checks.one_or_more, json_schema_input_type=Subnet | list[Subnet]),
    Field(min_length=1),
]
MulticastGroup = Annotated[str, AfterValidator(addresses.multicast_group), _shaped(_GROUP)]
Ttl = Annotated[int, AfterValidator(addresses.ttl), _within(1, 255)]
Port = Annotated[int, AfterValidator(addresses.port), _within(1, 65535)]
Timeout = Annotated[int, AfterValidator(checks.timeout), _within(1, 3600)]
Folder = Annotated[
    str,
    AfterValidator(checks.clean),
    AfterValidator(folders.folder),
    _shaped(_FOLDER, longest=paths.MAX_PATH),
]
Export = Annotated[
    str,
    AfterValidator(checks.clean),
    AfterValidator(folders.export_path),
    _shaped(_EXPORT, "/srv/omdata", paths.MAX_PATH),
]
Webapp = Annotated[str, AfterValidator(checks.webapp), _shaped(names.WEBAPP)]
Unit = Annotated[
    str,
    AfterValidator(checks.unit),
    _shaped(re.compile(f"none|{systemd.SERVICE.pattern}"), longest=systemd.MAX_SERVICE),
]
Account = Annotated[str, AfterValidator(checks.account), _shaped(names.ACCOUNT)]
Interface = Annotated[str, AfterValidator(addresses.interface), _shaped(names.DEVICE, "eth0")]
Interfaces = Annotated[
    str, AfterValidator(addresses.interfaces), _shaped(addresses.INTERFACES, "10.1.1.*")
]
Url = Annotated[
    str, AfterValidator(checks.clean), _shaped(_WEB, "https://om1.example.org:5443/openmeetings")
]
TimeZone = Annotated[Text, AfterValidator(programs.time_zone), Field(examples=["Europe/Berlin"])]
JvmOption = Annotated[Text, AfterValidator(programs.jvm_option), _shaped(java.OPTION, "-Xmx2g")]
SpringText = Annotated[Text, AfterValidator(programs.spring_text)]
KurentoUrl = Annotated[
    SpringText,
    AfterValidator(programs.kurento_url),
    _shaped(urls.MEDIA_SERVER, "ws://10.1.1.20:8888/kurento", urls.MAX_URL),
]
TurnUrl = Annotated[
    SpringText,
    AfterValidator(programs.turn_url),
    _shaped(_TURN, "turn.example.org:3478", urls.MAX_URL),
]
Minutes = Annotated[int, AfterValidator(programs.minutes), _within(1, 10080)]
SshDestination = Annotated[
    str,
    AfterValidator(references.ssh_destination),
    Field(examples=["om1", "root@om1.example.org", "ssh://root@{address}:2222"]),
]
RemovedDestination = Annotated[
    str,
    AfterValidator(references.removed_destination),
    Field(examples=["om9", "root@{name}.example.org"]),
]
Member = Annotated[
    str,
    AfterValidator(references.member),
    Field(examples=["om1.example.org", "{name}.example.org"]),
]
JpaText = Annotated[Text, AfterValidator(properties.carried), _shaped(_TRIMMED, "openmeetings")]
OracleName = Annotated[
    Text,
    AfterValidator(properties.oracle_name),
    _shaped(oracle_net.NAME, "openmeetings.example.org"),
]
MountOption = Annotated[Text, AfterValidator(storage.mount_option), _shaped(options.CARRIED)]
ExportOption = Annotated[Text, AfterValidator(storage.export_option), _shaped(options.CARRIED)]
ShareName = Annotated[
    Text,
    AfterValidator(storage.share_name),
    Field(examples=["openmeetings-conference"], json_schema_extra={"maxLength": names.MAX_SHARE}),
]
SambaUser = Annotated[Text, AfterValidator(storage.samba_user), _shaped(names.DOMAIN_ACCOUNT)]
CredentialsFile = Annotated[
    str,
    AfterValidator(checks.clean),
    AfterValidator(storage.credentials),
    Field(examples=["/root/.smbcredentials"]),
]
Domain = Annotated[Text, AfterValidator(storage.domain), _shaped(names.DOMAIN, "CORP")]
MountFrom = Annotated[
    Text,
    AfterValidator(storage.mount_from),
    _shaped(names.HOST, "nfs.example.org", names.MAX_HOST),
]
ExportClient = Annotated[
    Text, AfterValidator(storage.client), _shaped(names.EXPORT_CLIENT, "10.1.1.0/24")
]
FstabDevice = Annotated[Text, AfterValidator(storage.device), Field(examples=["gluster1:/omdata"])]
FileSystem = Annotated[
    Text,
    AfterValidator(storage.file_system),
    Field(
        examples=["glusterfs"],
        json_schema_extra={
            "pattern": f"^{fstab.KIND.pattern}$",
            "not": {"enum": sorted(fstab.LOCAL)},
        },
    ),
]
FstabOption = Annotated[Text, AfterValidator(storage.fstab_option), _shaped(options.CARRIED)]
Release = Annotated[Text, AfterValidator(checks.release)]
RuleId = Annotated[Text, AfterValidator(checks.rule_id), _shaped(re.compile("OM[0-9]{3}"))]
_HOST: dict[str, Any] = {
    "type": "string",
    "pattern": f"^(?:{names.HOST.pattern})$",
    "maxLength": names.MAX_HOST,
}
_HOST_FORMS: dict[str, dict[str, Any]] = {
    "node": {**_HOST, "description": "The name of a node.", "examples": ["om1"]},
    "host": {
        **_HOST,
        "description": "The address or name of a server that is no node.",
        "examples": ["10.1.1.10", "db.example.org"],
    },
}
Host = Annotated[
    references.HostRef,
    _Read(references.host),
    WithJsonSchema(
        {
            "anyOf": [
                _HOST,
                *(
                    {
                        "type": "object",
                        "properties": {form: schema},
                        "required": [form],
                        "additionalProperties": False,
                    }
                    for form, schema in _HOST_FORMS.items()
                ),
            ],
            "examples": ["om1", "10.1.1.10", "db.example.org", {"node": "om1"}, {"host": "nas"}],
        }
    ),
]
_PORT_NUMBER: dict[str, Any] = {
    "type": "integer",
    "minimum": 1,
    "maximum": 65535,
    "description": "The port of this server; unset: `database.port`.",
}
_SERVERS: list[dict[str, Any]] = [
    _HOST,
    *(
        {
            "type": "object",
            "properties": {form: schema, "port": _PORT_NUMBER},
            "required": [form],
            "additionalProperties": False,
        }
        for form, schema in _HOST_FORMS.items()
    ),
]
DatabaseHosts = Annotated[
    list[Annotated[references.HostRef, _Read(references.database_host)]],
    BeforeValidator(references.listed),
    Field(min_length=1, max_length=16),
    WithJsonSchema(
        {
            "anyOf": [
                *_SERVERS,
                {"type": "array", "items": {"anyOf": _SERVERS}, "minItems": 1, "maxItems": 16},
            ],
            "examples": ["om1", "10.1.1.10", ["db1.example.org", {"host": "db2", "port": 5433}]],
        }
    ),
]
_SOURCES: dict[str, dict[str, Any]] = {
    "env": {
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "description": "The environment variable that has the secret.",
        "examples": ["OM_DB_PASSWORD"],
    },
    "file": {
        "type": "string",
        "minLength": 1,
        "description": "The file whose first line is the secret; a relative path begins at the spec.",
        "examples": ["db-password"],
    },
    "command": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "description": "The program, with its arguments, whose first line of output is the secret.",
        "examples": [["pass", "show", "openmeetings/db"]],
    },
}
_SECRETS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {form: schema},
        "required": [form],
        "additionalProperties": False,
    }
    for form, schema in _SOURCES.items()
]
SecretSource = Annotated[
    SecretRef,
    _Read(references.secret),
    WithJsonSchema(
        {
            "oneOf": _SECRETS,
            "examples": [
                {"env": "OM_DB_PASSWORD"},
                {"file": "db-password"},
                {"command": ["pass", "show", "openmeetings/db"]},
            ],
        }
    ),
]
OptionValue = Annotated[
    SecretRef | str,
    _Read(references.option),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": ["number", "boolean"]},
                *_SECRETS,
            ],
            "examples": ["true", {"env": "OM_TRUST_STORE_PASSWORD"}],
        }
    ),
]
_WHOLE = {"const": True, "description": "The whole content is the file, not its first line alone."}
NodeFile = Annotated[
    SecretRef | str,
    _Read(references.node_file),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^(?:/{paths.CARRIED.pattern})$"},
                *(
                    {
                        **form,
                        "properties": {**form["properties"], "whole": _WHOLE},
                        "required": [*form["required"], "whole"],
                    }
                    for form in _SECRETS
                ),
            ],
            "examples": ["/etc/ssl/certs/database-ca.pem", {"file": "ca.pem", "whole": True}],
        }
    ),
]
FormatVersion = Annotated[int, BeforeValidator(checks.format_version), WithJsonSchema({"const": 1})]
DatabaseKindName = Annotated[
    str,
    BeforeValidator(checks.database_kind),
    WithJsonSchema({"enum": ["postgresql", "mysql", "mssql", "oracle", "db2"]}),
]
