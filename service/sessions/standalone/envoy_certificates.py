"""The files from which Envoy takes certificates: checked, whole, and replaced at once."""

import asyncio

from sessions import gateway
from sessions.certificates import CertificateFiles, Certificates
from sessions.settings import Settings
from sessions.standalone.console import StartError, report
from sessions.standalone.data_dir import make_data_dir, write_private

_SECONDS = 1.0


class EnvoyCertificates:
    """Hands the certificates of the settings on to Envoy, and again when they change.

    Envoy could watch the files itself. But it notices only files that are renamed into place,
    which certbot does not do, and it would take a certificate before its key has followed.

    Attributes:
        tls: what Envoy's configuration says of them.

    Raises:
        StartError: the files can't be used; says why.
    """

    def __init__(self, files: CertificateFiles, settings: Settings) -> None:
        folder = make_data_dir(settings.data_dir)
        self._files = files
        self._names = [
            name for name in map(str.strip, settings.tls_client_names.split(",")) if name
        ]
        self._certificate = folder / "envoy-certificate.json"
        self._validation = folder / "envoy-client-ca.json"
        self.tls = gateway.CallerTls(
            self._certificate, self._validation if files.authorities else None
        )
        try:
            self._write(files.read())
        except ValueError as error:
            raise StartError(str(error)) from error

    async def follow(self) -> None:
        """Look every second whether the files have changed; those that do not fit are reported."""
        reported = ""
        while True:
            await asyncio.sleep(_SECONDS)
            try:
                await self._renew()
                problem = ""
            except (ValueError, OSError) as error:
                problem = f"the certificate in use stays: {error}"
            # Once: of two files one is often replaced before the other.
            if problem and problem != reported:
                report(problem)
            reported = problem

    async def _renew(self) -> None:
        found = await asyncio.to_thread(self._files.read)
        if found != self._current:
            self._write(found)
            report("the certificate was replaced")

    def _write(self, found: Certificates) -> None:
        certificate, key, authorities, crl = map(_text, found)
        write_private(self._certificate, gateway.certificate_secret(certificate, key))
        if authorities:
            secret = gateway.validation_secret(authorities, crl=crl, names=self._names)
            write_private(self._validation, secret)
        # Only now: what could not be written is tried again.
        self._current = found


def _text(pem: bytes) -> str:
    # What stands around the blocks may be in any encoding.
    return pem.decode(errors="replace")
