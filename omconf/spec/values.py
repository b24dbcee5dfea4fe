"""The types of the spec's values, each with its check and with what editors are told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from omconf.secrets import SecretRef
from omconf.spec import checks, references

Text = Annotated[
    str,
    BeforeValidator(checks.text, json_schema_input_type=str | float | bool),
    AfterValidator(checks.clean),
    Field(min_length=1),
]
PropertyName = Annotated[str, AfterValidator(checks.property_name)]
ClusterName = Annotated[str, AfterValidator(checks.cluster_name), Field(examples=["conference"])]
Address = Annotated[str, AfterValidator(checks.reachable), Field(examples=["10.1.1.1"])]
Subnet = Annotated[str, AfterValidator(checks.subnet), Field(examples=["10.1.1.0/24"])]
MulticastGroup = Annotated[str, AfterValidator(checks.multicast_group)]
Ttl = Annotated[int, AfterValidator(checks.ttl)]
Port = Annotated[int, AfterValidator(checks.port)]
Timeout = Annotated[int, AfterValidator(checks.timeout)]
Folder = Annotated[str, AfterValidator(checks.clean), AfterValidator(checks.folder)]
Export = Annotated[str, AfterValidator(checks.clean), AfterValidator(checks.export_path)]
Webapp = Annotated[str, AfterValidator(checks.webapp)]
Unit = Annotated[str, AfterValidator(checks.unit)]
Account = Annotated[str, AfterValidator(checks.account)]
Interface = Annotated[str, AfterValidator(checks.interface), Field(examples=["eth0"])]
Url = Annotated[
    str, AfterValidator(checks.clean), Field(examples=["https://om1.example.org:5443/openmeetings"])
]
JpaText = Annotated[Text, AfterValidator(checks.carried)]
MountOption = Annotated[Text, AfterValidator(checks.mount_option)]
ExportOption = Annotated[Text, AfterValidator(checks.export_option)]
Release = Annotated[Text, AfterValidator(checks.release)]
Host = Annotated[
    references.HostRef,
    PlainValidator(references.host),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                *(
                    {
                        "type": "object",
                        "properties": {form: {"type": "string"}},
                        "required": [form],
                        "additionalProperties": False,
                    }
                    for form in ("node", "host")
                ),
            ],
            "examples": ["om1", "10.1.1.10", "db.example.org", {"node": "om1"}, {"host": "nas"}],
        }
    ),
]
SecretSource = Annotated[
    SecretRef,
    PlainValidator(references.secret),
    WithJsonSchema(
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {form: schema},
                    "required": [form],
                    "additionalProperties": False,
                }
                for form, schema in (
                    ("env", {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
                    ("file", {"type": "string", "minLength": 1}),
                    ("command", {"type": "array", "items": {"type": "string"}, "minItems": 1}),
                )
            ],
            "examples": [
                {"env": "OM_DB_PASSWORD"},
                {"file": "db-password"},
                {"command": ["pass", "show", "openmeetings/db"]},
            ],
        }
    ),
]
FormatVersion = Annotated[int, BeforeValidator(checks.format_version), WithJsonSchema({"const": 1})]
DatabaseKindName = Annotated[
    str,
    BeforeValidator(checks.database_kind),
    WithJsonSchema({"enum": ["postgresql", "mysql", "mssql", "oracle", "db2"]}),
]
