"""A real PostgreSQL and a real MariaDB, each in a network namespace of its own.

Its clients run there too: OpenJPA's RemoteCommitProvider listens on one fixed port.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.needs import program
from tests.real.programs import run

SERVER = ("network namespaces", "setpriv")
NEEDS_POSTGRESQL = (*SERVER, "initdb", "postgres", "psql")
NEEDS_MARIADB = (*SERVER, "mariadbd", "mariadb-install-db", "mariadb")


class Server:
    """A database server on loopback of a namespace; statements run as its superuser."""

    kind: str
    port: int
    account: str
    """Neither server runs as root: its files belong to this account."""

    def __init__(self, space: str = "", address: str = "127.0.0.1", options: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"omconf-{self.kind}-"))
        shutil.chown(self.folder, self.account, self.account)
        self.own = not space
        self.space = space or f"db{os.getpid()}{self.kind}"
        if self.own:
            run("ip", "netns", "add", self.space)
            run("ip", "-n", self.space, "link", "set", "lo", "up")
        self.inside = ["ip", "netns", "exec", self.space]
        try:
            self.start(f"{self.prepare(address)} {options}")
        except BaseException:
            self.remove()
            raise

    def prepare(self, address: str) -> str:
        """Make the server's files; gives the command that starts it at an address."""
        raise NotImplementedError

    def start(self, command: str) -> None:
        """Start the server and wait until it answers."""
        account = f"setpriv --reuid {self.account} --regid {self.account} --clear-groups"
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*self.inside, *shlex.split(f"{account} {command}")],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        for _ in range(150):
            try:
                self.statement("select 1")
            except AssertionError:
                time.sleep(0.2)
            else:
                return
        self.process.kill()
        self.process.wait()
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def statement(self, *statements: str) -> None:
        """Run SQL as the superuser."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the server and take its files away."""
        # SIGINT is PostgreSQL's fast shutdown, which waits for no client.
        self.process.send_signal(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
        self.process.wait(30)
        self.remove()

    def remove(self) -> None:
        """Take the server's files and its namespace away."""
        if self.own:
            run("ip", "netns", "del", self.space)
        shutil.rmtree(self.folder)


class PostgreSQL(Server):
    """PostgreSQL with password logins over TCP, and further options of the server."""

    kind = "postgresql"
    port = 5432
    account = "postgres"

    psql = "psql"

    def prepare(self, address: str) -> str:
        data = self.folder / "data"
        make = "-U postgres --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --no-sync"
        run(
            program("initdb"),
            "-D",
            data,
            *make.split(),
            cwd="/",
            user=self.account,
            group=self.account,
        )
        self.rules = data / "pg_hba.conf"
        with self.rules.open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
        return f"{program('postgres')} -D {data} -k {self.folder} -h {address} -F"

    def statement(self, *statements: str) -> None:
        """Run SQL over the socket."""
        options = f"-XAtq -h {self.folder} -U postgres -v ON_ERROR_STOP=1"
        run(self.psql, *options.split(), input=";\n".join(statements) + ";\n")

    def create(self, user: str, password: str, database: str) -> None:
        """Create a user with a password, and a database of the user's."""
        name, db = (text.replace('"', '""') for text in (user, database))
        secret = password.replace("'", "''")
        self.statement(
            f"create role \"{name}\" login password '{secret}'",
            f'create database "{db}" owner "{name}" strategy file_copy',
        )


class MariaDB(Server):
    """MariaDB with password logins over TCP, and further options of the server."""

    kind = "mysql"
    port = 3306
    account = "mysql"

    client = "mariadb"

    def prepare(self, address: str) -> str:
        shared = f"--no-defaults --datadir={self.folder}/data --user={self.account}"
        make = "--auth-root-authentication-method=normal --skip-test-db"
        run("mariadb-install-db", *shared.split(), *make.split(), cwd="/")
        return (
            f"{program('mariadbd')} {shared} --socket={self.folder}/s --pid-file={self.folder}/pid"
            f" --bind-address={address} --skip-name-resolve --innodb-flush-method=nosync"
        )

    def statement(self, *statements: str) -> None:
        """Run SQL over the socket."""
        options = f"--no-defaults --socket={self.folder}/s -uroot --default-character-set=utf8mb4"
        run(self.client, *options.split(), input=";\n".join(statements) + ";\n")

    def create(self, user: str, password: str, database: str) -> None:
        """Create a user with a password, and a database that the user may use."""
        name, secret = (t.replace("\\", "\\\\").replace("'", "''") for t in (user, password))
        db = database.replace("`", "``")
        self.statement(
            f"create database if not exists `{db}`",
            f"create user '{name}'@'%' identified by '{secret}'",
            f"grant all on *.* to '{name}'@'%'",
        )
