"""Certificates for tests: a CA, a server's, a client's, as openssl and keytool make them."""

from __future__ import annotations

from pathlib import Path

from tests.real.programs import run

PASSWORD = "changeit-once"
KEY = ("-newkey", "rsa:2048", "-nodes", "-days", "7")
"""pgJDBC 42.7.13 takes every key in PEM for one of RSA."""


class CA:
    """A CA of its own, with what is signed by it in one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.pem, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        subject = ("-subj", f"/CN={name}", "-x509")
        run("openssl", "req", *KEY, *subject, "-keyout", self.key, "-out", self.pem)

    def signed(self, name: str, common: str, also: str = "") -> tuple[Path, Path]:
        """Make a certificate, and its key."""
        pem, key, asked = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
        run("openssl", "req", *KEY, "-subj", f"/CN={common}", "-keyout", key, "-out", asked)
        names = self.folder / "names"
        names.write_text(f"subjectAltName={also or f'DNS:{common}'}\n")
        signer = ("-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", "7")
        run("openssl", "x509", "-req", "-in", asked, *signer, "-extfile", names, "-out", pem)
        return pem, key

    def store(self, end: str) -> Path:
        """Make a trust store of Java that holds the CA."""
        file = self.folder / f"{self.name}.{end}"
        kind = {"p12": "PKCS12", "jks": "JKS"}[end]
        run(
            *("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", self.pem),
            *("-keystore", file, "-storetype", kind, "-storepass", PASSWORD),
        )
        return file


def der(key: Path) -> Path:
    """Write a key in PKCS#8 and DER."""
    file = key.with_suffix(".pk8")
    form = ("-topk8", "-nocrypt", "-outform", "DER")
    run("openssl", "pkcs8", *form, "-in", key, "-out", file)
    return file


def pkcs8(key: Path) -> Path:
    """Write a key in PKCS#8 and PEM."""
    file = key.with_suffix(".key.pem")
    run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key, "-out", file)
    return file


def pkcs12(pem: Path, key: Path) -> Path:
    """Write a certificate and its key into a store."""
    file = key.with_suffix(".p12")
    store = ("-passout", f"pass:{PASSWORD}", "-name", "user")
    run("openssl", "pkcs12", "-export", "-in", pem, "-inkey", key, *store, "-out", file)
    return file
