"""Every knob of the service, read from environment variables in one place."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_data_dir() -> Path:
    """`/var/lib/sessions` for root, the XDG data folder of anybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/sessions")
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "sessions"


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
    """How many worker processes run: one per core."""
    pool_size: int = Field(default=8, ge=1, le=200)
    """PostgreSQL connections of one worker at the most."""
    request_timeout: float = Field(default=10.0, gt=0, le=600)
    """Seconds that one call and its SQL may take at the most."""
    drain_timeout: float = Field(default=10.0, ge=0, le=600)
    """Seconds that calls in flight get to finish when a worker stops."""
    visitor_secret: str = ""
    """Hex key that hashes visitors; overrides the one in the database."""
    cursor_keys: str = ""
    """Cursor keys `<id>:<hex>,…`, the first one signs; overrides those in the database."""
    cors_origins: str = ""
    """Origins that browsers may call from, separated by commas; empty turns CORS off."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Least level that is logged."""
