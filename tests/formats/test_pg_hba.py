"""pg_hba.conf read as PostgreSQL does; tests/real asks a real one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats import pg_hba

STOCK = '''\
# TYPE  DATABASE        USER            ADDRESS                 METHOD

local   all             postgres                                peer
host all\tall 127.0.0.1/32 scram-sha-256 # the host itself
hostssl "a # b", "all",all  "say ""x""" 10.1.1.0 255.255.255.0 cert clientcert=verify-full
host replication +team ::1 ffff::\tmd5\r
include other.conf
host all
'''


def test_lines_are_read() -> None:
    assert pg_hba.records(STOCK) == [
        (3, 'local all "postgres"', "peer"),
        (4, "host all all 127.0.0.1/32", "scram-sha-256"),
        (
            5,
            'hostssl "a # b","all",all "say ""x""" 10.1.1.0 255.255.255.0',
            "cert clientcert=verify-full",
        ),
        (6, "host replication +team ::1 ffff::", "md5"),
        (8, "host all", ""),
    ]


@pytest.mark.parametrize("option", ["ldapbindpasswd=hunter2", '"radiussecrets=hunter2 x"'])
def test_a_secret_of_a_method_is_hidden(option: str) -> None:
    ((_, _, how),) = pg_hba.records(f"host all all 10.1.1.1/32 ldap {option} ldaptls=1")
    assert "hunter2" not in how
    assert how.endswith("=(sensitive value) ldaptls=1")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_a_name_means_itself(name: str) -> None:
    written = pg_hba.name(name)
    ((_, whom, how),) = pg_hba.records(f"host {written} {written} 10.1.1.1/32 md5")
    assert whom == f"host {written} {written} 10.1.1.1/32"
    assert how == "md5"


@given(st.text('ab",# \\\n'))
def test_reading_ends_soon(text: str) -> None:
    pg_hba.records(f"host {text * 50}")
