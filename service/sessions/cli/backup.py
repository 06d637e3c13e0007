"""`sessions backup` and `sessions restore`."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)
_MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"]


@click.command(short_help="Back up the embedded database.")
@click.argument("folder", type=_FOLDER)
def backup(folder: Path) -> None:
    """Write a backup of the embedded database to FOLDER, which must not exist.

    The service can run meanwhile. The backup holds everything, secrets and keys included, and
    its files are verified. For a database of your own (DATABASE_URL), use its tools.

    \b
        sessions backup /var/backups/sessions/2026-11-26
    """
    from sessions.settings import Settings
    from sessions.standalone.backups import take_backup

    asyncio.run(take_backup(Settings(), folder))
    size = sum(file.stat().st_size for file in folder.iterdir())
    click.echo(f"wrote {folder}: {size / 2**20:,.1f} MiB, verified", err=True)


@click.command(short_help="Restore a backup of the embedded database.")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--wal", type=_FOLDER, help="Folder of pg_receivewal: apply what was written since, too."
)
@click.option(
    "--until",
    type=click.DateTime(_MOMENTS),
    help="Apply it up to this moment only, such as 2026-11-26T09:30:00Z.",
)
def restore(folder: Path, wal: Path | None, until: datetime | None) -> None:
    """Make the backup in FOLDER the database of a new data directory (SESSIONS_DATA_DIR).

    Nothing may run on that directory, and it must have no database yet. Start `sessions up` on it
    afterwards. Keys that were revoked and visitors that were erased since the backup are back:
    revoke and erase them again.

    \b
        export SESSIONS_DATA_DIR=/var/lib/sessions-restored
        sessions restore /var/backups/sessions/2026-11-26
        sessions restore /var/backups/sessions/2026-11-26 --wal /var/backups/wal \\
            --until 2026-11-26T09:30:00Z
    """
    from sessions.settings import Settings
    from sessions.standalone.backups import restore_backup

    if until and not wal:
        raise click.UsageError("--until needs --wal")
    settings = Settings()
    moment = until.astimezone(UTC) if until else None
    last = asyncio.run(restore_backup(settings, folder, wal, moment))
    if wal:
        reached = last.astimezone(UTC).isoformat() if last else "none since the backup began"
        click.echo(f"last transaction that was applied: {reached}", err=True)
    click.echo(f"restored to {settings.data_dir}; start `sessions up` on it", err=True)
