"""The files from which Envoy takes certificates: checked, whole, and replaced at once."""

import asyncio
from pathlib import Path

from sessions import gateway
from sessions.certificates import CertificateFiles, Certificates
from sessions.settings import Settings
from sessions.standalone.console import StartError, report
from sessions.standalone.data_dir import make_data_dir, write_private
from sessions.standalone.following import follow


class EnvoyCertificates:
    """Hands certificates on to Envoy, and again when they change.

    Envoy could watch the files itself. But it notices only files that are renamed into place,
    which certbot does not do, and it would take a certificate before its key has followed.

    Attributes:
        certificate: the file with Envoy's own certificate.
        validation: the file with what the certificates of others have to be; None where Envoy
            asks for none.

    Raises:
        StartError: the files can't be used; says why.
    """

    def __init__(
        self, files: CertificateFiles, certificate: Path, validation: Path, names: str
    ) -> None:
        self._files = files
        self._names = [name for name in map(str.strip, names.split(",")) if name]
        self.certificate = certificate
        self.validation = validation if files.authorities else None
        try:
            self._write(files.read())
        except ValueError as error:
            raise StartError(str(error)) from error

    async def follow(self) -> None:
        """Look every second whether the files have changed; those that do not fit are reported."""
        await follow(self._renew, "the certificate in use stays")

    async def _renew(self) -> None:
        found = await asyncio.to_thread(self._files.read)
        if found != self._current:
            self._write(found)
            report("the certificate was replaced")

    def _write(self, found: Certificates) -> None:
        certificate, key, authorities, crl = map(_text, found)
        write_private(self.certificate, gateway.certificate_secret(certificate, key))
        if self.validation:
            secret = gateway.validation_secret(authorities, crl=crl, names=self._names)
            write_private(self.validation, secret)
        # Only now: what could not be written is tried again.
        self._current = found


def caller_certificates(settings: Settings) -> EnvoyCertificates | None:
    """Those for callers; None serves plain HTTP.

    Raises:
        StartError: the files can't be used; says why.
    """
    names = ("envoy-certificate.json", "envoy-client-ca.json")
    return _handed_on(settings, settings.tls_files, names, settings.tls_client_names)


def worker_certificates(settings: Settings) -> EnvoyCertificates | None:
    """Those for workers on other hosts; None speaks plain gRPC.

    Raises:
        StartError: the files can't be used; says why.
    """
    names = ("envoy-worker-certificate.json", "envoy-worker-ca.json")
    return _handed_on(settings, settings.worker_tls_client_files, names, settings.worker_tls_names)


def _handed_on(
    settings: Settings, files: CertificateFiles | None, names: tuple[str, str], allowed: str
) -> EnvoyCertificates | None:
    if files is None:
        return None
    own, others = (make_data_dir(settings.data_dir) / name for name in names)
    return EnvoyCertificates(files, own, others, allowed)


def _text(pem: bytes) -> str:
    # What stands around the blocks may be in any encoding.
    return pem.decode(errors="replace")
