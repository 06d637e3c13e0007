"""All settings of the service; the only module that reads environment variables."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sessions.certificates import CertificateFiles
from sessions.geolocation import Geolocation

# Without the other one, it would do nothing, and seem to.
_NEEDED = {
    "tls_client_ca": "tls_certificate",
    "tls_client_crl": "tls_client_ca",
    "tls_client_names": "tls_client_ca",
    "worker_tls_client_ca": "worker_tls_certificate",
}

_HEX = r"(?:[0-9a-fA-F]{2}){16,}"


def _default_data_dir() -> Path:
    """`/var/lib/sessions` for root, the XDG data folder of anybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/sessions")
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "sessions"


def _secret(text: str | None) -> bytes | None:
    """A secret written in hex; None where it is empty."""
    if not text:
        return None
    if not re.fullmatch(_HEX, text):
        raise ValueError("write at least 16 bytes in hex")
    return bytes.fromhex(text)


def _key_ring(text: str | None) -> dict[int, bytes] | None:
    """Keys by id, from `<id>:<hex>,…`; None where it is empty."""
    if not text:
        return None
    parts = [re.fullmatch(rf"(\d+):({_HEX})", part.strip()) for part in text.split(",")]
    ring = {int(part[1]): bytes.fromhex(part[2]) for part in parts if part}
    # Fewer where a part does not match, or an id is repeated.
    if len(ring) < len(parts) or not all(1 <= key_id <= 65_535 for key_id in ring):
        raise ValueError("write <id>:<hex>,… with ids from 1 to 65535 and at least 16 bytes each")
    return ring


def _or_none(text: object) -> object:
    """None for an empty variable."""
    return text or None


def _names(text: str) -> str:
    """Refuse a list without a name, which would stand for any name."""
    if text and not all(map(str.strip, text.split(","))):
        raise ValueError(
            "write names with commas between them, such as a.example.com,b.example.com"
        )
    return text


def _replicas(url: str) -> str:
    """Refuse a URL that names no servers."""
    if url:
        # Loaded here, because few have replicas.
        from sessions.replica_urls import urls_of

        urls_of(url)
    return url


# What is in it is looked at where it is used: only `up` and workers need it.
_OptionalFile = Annotated[Path | None, BeforeValidator(_or_none)]


def _geo_database(path: Path | None) -> Path | None:
    """Refuse a file that is not a geolocation database."""
    if path:
        Geolocation(path)
    return path


class Settings(BaseSettings):
    """The settings; each field is the variable `SESSIONS_<NAME>` unless it says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="SESSIONS_",
        frozen=True,
        extra="ignore",
        # It may be a password.
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(default_factory=_default_data_dir)
    """Where the embedded PostgreSQL and the state of a running `up` live."""
    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    """libpq URL of your own PostgreSQL 15 or newer; empty means the embedded one."""
    database_read_url: Annotated[str, AfterValidator(_replicas)] = Field(
        default="", validation_alias="DATABASE_READ_URL"
    )
    """libpq URL of its read replicas; each host that it names is one. Empty means none."""
    max_lag: float = Field(default=5.0, ge=1, le=3600)
    """Seconds by which what is read from a replica may be out of date, at most."""
    host: str = "127.0.0.1"
    """Address on which Envoy listens."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port on which Envoy listens for REST and gRPC; 0 takes a free one."""
    worker_host: str = "127.0.0.1"
    """Address on which workers listen, and where Envoy finds them."""
    worker_ports: str = ""
    """Ports of the workers, `50051` or `50051-50054`; empty takes free ones (`up`) or 50051 on."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Number of worker processes."""
    worker_addresses: str = ""
    """Workers of `sessions envoy`, as `host:port` with commas; of a name, all that it leads to."""
    worker_addresses_file: _OptionalFile = None
    """File with their addresses instead, one in a line, which is followed."""
    pool_size: int = Field(default=8, ge=1, le=200)
    """PostgreSQL connections of one worker for calls, at most; up to 10 more do other work."""
    request_timeout: float = Field(default=10.0, gt=0, le=600)
    """Deadline of a call and its SQL in seconds."""
    stream_age: float = Field(default=600.0, gt=0, le=86_400)
    """Maximum age of an event stream in seconds; its client then connects again."""
    drain_timeout: float = Field(default=10.0, ge=0, le=600)
    """Time in seconds for calls in flight to finish when a worker stops."""
    retention_interval: float = Field(default=3600.0, ge=0, le=604_800)
    """Interval of the retention job in seconds; 0 disables it."""
    geo_database: Annotated[
        FilePath | None, BeforeValidator(_or_none), AfterValidator(_geo_database)
    ] = None
    """Geolocation database in MaxMind's format for `client_ip`; empty disables the lookup."""
    visitor_secret: Annotated[bytes | None, BeforeValidator(_secret)] = None
    """Hex key for the hashes of visitors; overrides the one in the database."""
    cursor_keys: Annotated[dict[int, bytes] | None, NoDecode, BeforeValidator(_key_ring)] = None
    """Cursor keys `<id>:<hex>,…`; the first one signs. Overrides those in the database."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """Proxies of your own that all calls pass before Envoy, and that add to `X-Forwarded-For`."""
    cors_origins: str = ""
    """Origins whose pages may call the API, separated by commas; empty disables CORS."""
    tls_certificate: _OptionalFile = None
    """File with the certificate of the service and its chain (PEM); empty serves plain HTTP."""
    tls_key: Annotated[_OptionalFile, Field(validate_default=True)] = None
    """File with the private key of the certificate (PEM, without a password)."""
    tls_client_ca: _OptionalFile = None
    """File with authorities (PEM); callers need a certificate of one. Empty asks for none."""
    tls_client_crl: _OptionalFile = None
    """File with the certificates of callers that are revoked (a CRL in PEM); empty for none."""
    tls_client_names: Annotated[str, AfterValidator(_names)] = ""
    """DNS names, separated by commas, one of which a caller's certificate has; empty for any."""
    worker_tls_certificate: _OptionalFile = None
    """Certificate with which the workers of `serve` speak TLS (PEM); empty speaks plain gRPC."""
    worker_tls_key: Annotated[_OptionalFile, Field(validate_default=True)] = None
    """File with its private key (PEM, without a password)."""
    worker_tls_client_ca: _OptionalFile = None
    """File with authorities (PEM); Envoy needs a certificate of one. Empty asks for none."""
    worker_tls_client_certificate: _OptionalFile = None
    """Certificate that `sessions envoy` shows to workers (PEM); empty speaks plain gRPC."""
    worker_tls_client_key: Annotated[_OptionalFile, Field(validate_default=True)] = None
    """File with its private key (PEM, without a password)."""
    worker_tls_ca: _OptionalFile = None
    """File with authorities (PEM); workers need a certificate of one."""
    worker_tls_names: Annotated[str, AfterValidator(_names), Field(validate_default=True)] = ""
    """DNS names, separated by commas, one of which a worker's certificate has."""
    metrics_host: str = "127.0.0.1"
    """Address of the page of metrics for Prometheus."""
    metrics_port: Annotated[int | None, Field(ge=0, le=65535), BeforeValidator(_or_none)] = None
    """Port of that page; 0 takes a free one, empty serves none."""
    traces_exporter: str = Field(
        default="", pattern="^(|otlp|none)$", validation_alias="OTEL_TRACES_EXPORTER"
    )
    """`otlp` sends traces; `none` sends none, even where an endpoint is set."""
    otlp_endpoint: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """URL of the collector of traces; the default of OpenTelemetry where it is empty."""
    otlp_protocol: str = Field(
        default="grpc",
        pattern="^(grpc|http/protobuf)$",
        validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL",
    )
    """Protocol of the collector, `grpc` or `http/protobuf`."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Minimum level of log lines: `debug`, `info`, `warning` or `error`."""

    @property
    def traces_protocol(self) -> str | None:
        """How traces are sent; None where they are not."""
        is_on = self.traces_exporter == "otlp" or (self.otlp_endpoint and not self.traces_exporter)
        return self.otlp_protocol if is_on else None

    @property
    def tls_files(self) -> CertificateFiles | None:
        """The files of TLS for callers; None serves plain HTTP."""
        if not (self.tls_certificate and self.tls_key):
            return None
        return CertificateFiles(
            self.tls_certificate, self.tls_key, self.tls_client_ca, self.tls_client_crl
        )

    @property
    def worker_tls_files(self) -> CertificateFiles | None:
        """The files of TLS between Envoy and workers; None speaks plain gRPC."""
        if not (self.worker_tls_certificate and self.worker_tls_key):
            return None
        return CertificateFiles(
            self.worker_tls_certificate, self.worker_tls_key, self.worker_tls_client_ca
        )

    @property
    def worker_tls_client_files(self) -> CertificateFiles | None:
        """The files of TLS between `sessions envoy` and workers; None speaks plain gRPC."""
        if not (self.worker_tls_client_certificate and self.worker_tls_client_key):
            return None
        return CertificateFiles(
            self.worker_tls_client_certificate, self.worker_tls_client_key, self.worker_tls_ca
        )

    @field_validator("tls_key", "worker_tls_key", "worker_tls_client_key")
    @classmethod
    def _key_of_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        name = (info.field_name or "").replace("key", "certificate")
        # Not there: it was refused itself.
        certificate = info.data.get(name, key)
        if bool(key) != bool(certificate):
            raise ValueError(f"set both or none of this and SESSIONS_{name.upper()}")
        return key

    @field_validator("worker_tls_names")
    @classmethod
    def _all_or_none(cls, names: str, info: ValidationInfo) -> str:
        others = ("worker_tls_client_certificate", "worker_tls_ca")
        # Not there: it was refused itself.
        if any(bool(info.data.get(other, names)) != bool(names) for other in others):
            variables = " and ".join(f"SESSIONS_{other.upper()}" for other in others)
            raise ValueError(f"set {variables} and this, or none of them")
        return names

    @field_validator(*_NEEDED)
    @classmethod
    def _not_alone(cls, value: object, info: ValidationInfo) -> object:
        needed = _NEEDED[info.field_name or ""]
        if value and not info.data.get(needed, True):
            raise ValueError(f"has no effect without SESSIONS_{needed.upper()}")
        return value
