"""Certificates for tests, in files as people have them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from sessions.certificates import CertificateFiles

_DAY = timedelta(days=1)


class Authority:
    """Signs certificates, and revokes them; its own is in `file`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._ca.cert_pem.bytes())

    def issue(self, name: str, file: str = "", **options: Any) -> CertificateFiles:
        """A certificate for a name or address; it is kept in `<file>.pem` and `<file>.key`."""
        issued = self._ca.issue_cert(name, **options)
        files = CertificateFiles(
            *(self._folder / f"{file or name}{suffix}" for suffix in (".pem", ".key"))
        )
        files.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        files.key.write_bytes(issued.private_key_pem.bytes())
        return files

    def issue_expired(self, name: str) -> CertificateFiles:
        """One that was valid until yesterday."""
        now = datetime.now(UTC)
        return self.issue(name, "expired", not_before=now - 2 * _DAY, not_after=now - _DAY)

    def revoke(self, *revoked: CertificateFiles) -> Path:
        """The list of what is revoked, in a file."""
        now = datetime.now(UTC)
        own = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())
        builder = x509.CertificateRevocationListBuilder(own.subject, now - _DAY, now + _DAY)
        for files in revoked:
            entry = x509.RevokedCertificateBuilder(serial_number(files), now - _DAY).build()
            builder = builder.add_revoked_certificate(entry)
        key: Any = load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        file = self._folder / "revoked.crl"
        file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return file


def serial_number(files: CertificateFiles) -> int:
    """That of the certificate in the files."""
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number
