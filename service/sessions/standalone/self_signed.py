"""A certificate for trying TLS out, by an authority of the data directory."""

import socket
from pathlib import Path

from sessions.settings import Settings
from sessions.standalone.console import INSTALL_EXTRA, StartError
from sessions.standalone.data_dir import make_data_dir, read_if_there, write_private

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def authority_file(data_dir: Path) -> Path:
    """The certificate that clients have to trust."""
    return data_dir.absolute() / "tls-authority.pem"


def with_self_signed(settings: Settings) -> Settings:
    """The settings with a certificate for this machine, made anew by the same authority.

    Raises:
        StartError: a certificate is configured already, or the package that makes it is missing.
    """
    if settings.tls_certificate:
        raise StartError("--tls-self-signed and SESSIONS_TLS_CERTIFICATE exclude each other")
    folder = make_data_dir(settings.data_dir)
    certificate, key = folder / "tls-certificate.pem", folder / "tls-key.pem"
    chain, private = _issue(folder, {*_LOOPBACK, socket.gethostname(), settings.host})
    write_private(certificate, chain)
    write_private(key, private)
    return settings.model_copy(update={"tls_certificate": certificate, "tls_key": key})


def _issue(folder: Path, names: set[str]) -> tuple[str, str]:
    try:
        from trustme import CA
    except ImportError:
        raise StartError(f"there is no trustme: {INSTALL_EXTRA}") from None
    authority, key = authority_file(folder), folder / "tls-authority-key.pem"
    if known := read_if_there(key):
        ca = CA.from_pem(authority.read_bytes(), known.encode())
    else:
        ca = CA(organization_name="Sessions API", organization_unit_name="made by `sessions up`")
        write_private(authority, ca.cert_pem.bytes().decode())
        write_private(key, ca.private_key_pem.bytes().decode())
    issued = ca.issue_cert(*sorted(names))
    chain = "".join(pem.bytes().decode() for pem in issued.cert_chain_pems)
    return chain, issued.private_key_pem.bytes().decode()
