"""Certificates and private keys in files, all PEM, which are replaced while the service runs."""

import ssl
from pathlib import Path
from typing import NamedTuple


class Certificates(NamedTuple):
    """What the files of a side of TLS hold; empty where there is no file.

    Attributes:
        certificate: its certificate, and those between it and its authority.
        key: the private key of the certificate.
        authorities: those that the other side's certificate has to be signed by.
        crl: certificates of the other side that are revoked.
    """

    certificate: bytes
    key: bytes
    authorities: bytes = b""
    crl: bytes = b""


class CertificateFiles(NamedTuple):
    """Where they are."""

    certificate: Path
    key: Path
    authorities: Path | None = None
    crl: Path | None = None

    def read(self) -> Certificates:
        """The content of the files, once they fit together.

        Raises:
            ValueError: one can't be read or is no PEM, or the key is not that of the certificate.
        """
        try:
            before = self._contents()
            _check_pair(self.certificate, self.key)
            if self.authorities:
                _check_store(self.authorities, "x509_ca", "authorities")
            if self.crl:
                _check_store(self.crl, "crl", "a list of revoked certificates")
            if self._contents() != before:
                raise ValueError(f"{self.certificate} is being replaced")
        except OSError as error:
            raise ValueError(f"can't read {error.filename}: {error.strerror}") from error
        return before

    def _contents(self) -> Certificates:
        return Certificates(*(file.read_bytes() if file else b"" for file in self))


def _check_pair(certificate: Path, key: Path) -> None:
    try:
        # Without an answer to its question, a key with a password is refused.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            certificate, key, password=lambda: ""
        )
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{key} is not the private key of {certificate}") from error
        problem = "not a certificate and its private key, in PEM and without a password"
        raise ValueError(f"{certificate} and {key} are {problem}") from error


def _check_store(file: Path, kind: str, name: str) -> None:
    """Refuse a file that does not hold one kind of what OpenSSL keeps, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
        held = context.cert_store_stats()
    except ssl.SSLError:
        held = {}
    # A certificate of an authority counts as a certificate, too.
    if not held.get(kind) or (held["crl"] and kind != "crl") or (held["x509"] and kind == "crl"):
        raise ValueError(f"{file} does not hold {name}, in PEM")
