"""All settings of the service; the only module that reads environment variables."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, FilePath
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sessions.geolocation import Geolocation

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


def _geo_database(path: Path | None) -> Path | None:
    """Refuse a file that is not a geolocation database."""
    if path:
        Geolocation(path)
    return path


class Settings(BaseSettings):
    """The settings; each field is the variable `SESSIONS_<NAME>` unless it says otherwise."""

    model_config = SettingsConfigDict(env_prefix="SESSIONS_", frozen=True, extra="ignore")

    data_dir: Path = Field(default_factory=_default_data_dir)
    """Where the embedded PostgreSQL and the state of a running `up` live."""
    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    """libpq URL of your own PostgreSQL 15 or newer; empty means the embedded one."""
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
    pool_size: int = Field(default=8, ge=1, le=200)
    """PostgreSQL connections of one worker for calls, at most; up to 9 more do other work."""
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
    cors_origins: str = ""
    """Origins whose pages may call the API, separated by commas; empty disables CORS."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Minimum level of log lines: `debug`, `info`, `warning` or `error`."""
