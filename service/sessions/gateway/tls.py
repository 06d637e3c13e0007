"""TLS between callers and Envoy, and between Envoy and workers.

Certificates are not in the configuration: Envoy takes them from files of their own, and again
when another file is renamed to the name of one. Connections that are open stay as they are.
https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import betterproto2
from envoy_data_plane.envoy.config.core.v3 import DataSource, TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    DownstreamTlsContext,
    SdsSecretConfig,
    Secret,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsCertificate,
    TlsParameters,
    TlsParametersTlsProtocol,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from sessions.gateway.discovery import discovery_file, followed

_CERTIFICATE = "certificate"
_VALIDATION = "validation"

# Of TLS 1.2: forward secrecy and authenticated encryption only. Those of 1.3 are all like that.
_CIPHERS = [
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
]


@dataclass(frozen=True)
class CallerTls:
    """TLS for callers.

    Attributes:
        certificate: file with what `certificate_secret` makes: the certificate of the service.
        validation: file with what `validation_secret` makes: whose certificates callers have to
            show; None asks them for none.
    """

    certificate: Path
    validation: Path | None = None


@dataclass(frozen=True)
class WorkerTls:
    """TLS to workers.

    Attributes:
        validation: file with what `validation_secret` makes: whose certificates workers have.
        certificate: file with what `certificate_secret` makes: what Envoy shows to workers that
            ask for a certificate; None shows none.
    """

    validation: Path
    certificate: Path | None = None


def certificate_secret(certificate: str, key: str) -> str:
    """Returns the file for a certificate with its chain, and its private key, both as PEM."""
    pair = TlsCertificate(certificate_chain=_inline(certificate), private_key=_inline(key))
    return discovery_file(Secret(name=_CERTIFICATE, tls_certificate=pair))


def validation_secret(authorities: str, *, crl: str = "", names: Iterable[str] = ()) -> str:
    """Returns the file for the certificates that are trusted.

    Args:
        authorities: certificates of the authorities that have signed them, as PEM.
        crl: list of those that are revoked, as PEM; of the authority that has signed them.
        names: DNS names, one of which they must have; none takes any name.
    """
    context = CertificateValidationContext(
        trusted_ca=_inline(authorities),
        crl=_inline(crl) if crl else None,
        # Authorities above the one that signs need no list.
        only_verify_leaf_cert_crl=bool(crl),
        match_typed_subject_alt_names=[
            SubjectAltNameMatcher(
                san_type=SubjectAltNameMatcherSanType.DNS, matcher=StringMatcher(exact=name)
            )
            for name in names
        ],
    )
    return discovery_file(Secret(name=_VALIDATION, validation_context=context))


def caller_socket(tls: CallerTls) -> TransportSocket:
    """Returns what a listener needs to speak TLS."""
    context = DownstreamTlsContext(
        common_tls_context=CommonTlsContext(
            tls_params=_PARAMETERS,
            tls_certificate_sds_secret_configs=[_secret(_CERTIFICATE, tls.certificate)],
            validation_context_sds_secret_config=_optional(_VALIDATION, tls.validation),
            alpn_protocols=["h2", "http/1.1"],
        ),
        require_client_certificate=bool(tls.validation),
    )
    return _socket(context)


def worker_socket(tls: WorkerTls) -> TransportSocket:
    """Returns what a cluster needs to speak TLS."""
    certificates = [_secret(_CERTIFICATE, tls.certificate)] if tls.certificate else []
    context = UpstreamTlsContext(
        common_tls_context=CommonTlsContext(
            tls_params=_PARAMETERS,
            tls_certificate_sds_secret_configs=certificates,
            validation_context_sds_secret_config=_secret(_VALIDATION, tls.validation),
            alpn_protocols=["h2"],  # gRPC breaks off without it
        )
    )
    return _socket(context)


_PARAMETERS = TlsParameters(
    tls_minimum_protocol_version=TlsParametersTlsProtocol.TLSv1_2,
    tls_maximum_protocol_version=TlsParametersTlsProtocol.TLSv1_3,
    cipher_suites=_CIPHERS,
)


def _inline(text: str) -> DataSource:
    return DataSource(inline_string=text)


def _optional(name: str, file: Path | None) -> SdsSecretConfig | None:
    return _secret(name, file) if file else None


def _secret(name: str, file: Path) -> SdsSecretConfig:
    return SdsSecretConfig(name=name, sds_config=followed(file))


def _socket(context: betterproto2.Message) -> TransportSocket:
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))
