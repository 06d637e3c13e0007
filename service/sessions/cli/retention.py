"""`sessions retention`."""

import click

from sessions.cli.application import Progress, run


@click.group(short_help="Remove sessions that are older than their retention.")
def retention() -> None:
    """Retention: `websites set-retention` says how long sessions are kept."""


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Count what would be removed; remove nothing.")
def run_(*, dry_run: bool) -> None:
    """Remove the sessions that are older than their website keeps them, with their events.

    A running service does this by itself every hour (SESSIONS_RETENTION_INTERVAL). There is one
    run at a time; one that was interrupted is continued by the next one.

    \b
        sessions retention run --dry-run
        sessions retention run
    """
    if dry_run:
        outcome = run(lambda app: app.run_retention.preview())
        verb = "would remove"
    else:
        with Progress("sessions") as progress:
            done = run(lambda app: app.run_retention(progress))
        if done is None:
            raise click.ClickException("another run is under way")
        outcome, verb = done, "removed"
    months = f"; months dropped whole: {', '.join(outcome.months)}" if outcome.months else ""
    counts = f"{outcome.sessions:,} sessions with {outcome.events:,} events"
    click.echo(f"{verb} {counts}{months}", err=True)
