"""TLS of a worker: its certificate, which is read again when the files change."""

import asyncio
import logging
import ssl

import grpc

from sessions.certificates import CertificateFiles, Certificates

_SECONDS = 1.0

# Not structlog, whose lines wait for the event loop: this logs from threads of gRPC.
_log = logging.getLogger(__name__)


def add_port(server: grpc.aio.Server, address: str, files: CertificateFiles | None) -> int:
    """Let a server listen on `host:port`, with TLS where there are files; returns the port.

    Raises:
        RuntimeError: the port is taken.
        OSError: the files can't be used; says why.
    """
    if files is None:
        return server.add_insecure_port(address)
    try:
        credentials = _credentials(files)
    except ValueError as error:
        raise OSError(str(error)) from error
    return server.add_secure_port(address, credentials)


def _credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    current = files.read()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        """Called for each connection, in a thread of gRPC; None keeps what is in use."""
        nonlocal current
        try:
            found = files.read()
        except ValueError as error:
            _log.warning("the certificate in use stays: %s", error)
            return None
        if found == current:
            return None
        current = found
        _log.info("the certificate was replaced")
        return _configuration(found)

    # gRPC refuses TLS below 1.2, and in it ciphers without authentication.
    return grpc.dynamic_ssl_server_credentials(
        _configuration(current),
        fetch,  # type: ignore[arg-type]  # the stubs do not know of None
        require_client_authentication=bool(files.authorities),
    )


def _configuration(found: Certificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(found.key, found.certificate)], root_certificates=found.authorities or None
    )


async def accepts_tls(address: str) -> bool:
    """Whether the server at `host:port` shakes hands within a second, whoever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
