"""The command line `sessions`.

Modules of commands load what they run inside the command, so that `--help` is quick.
"""

import sys
from importlib import metadata

import click

from sessions.cli import analyze_behaviour
from sessions.cli.analyze import analyze
from sessions.cli.backup import backup, restore
from sessions.cli.blocks import blocks
from sessions.cli.envoy import envoy
from sessions.cli.export import export
from sessions.cli.generate import generate
from sessions.cli.import_events import import_events
from sessions.cli.keys import keys
from sessions.cli.migrate import migrate
from sessions.cli.retention import retention
from sessions.cli.serve import serve
from sessions.cli.up import up
from sessions.cli.visitors import visitors
from sessions.cli.websites import websites

COMMANDS: tuple[click.Command, ...] = (
    up,
    serve,
    envoy,
    migrate,
    websites,
    keys,
    import_events,
    export,
    analyze,
    visitors,
    retention,
    blocks,
    backup,
    restore,
    generate,
)
"""In the order of the help."""

_INTERRUPTED = 130


class _InOrder(click.Group):
    """A group whose help keeps the order in which commands were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("analytics-sessions-service"), prog_name="sessions")
def sessions() -> None:
    """Sessions API for web analytics.

    Bring everything up, with data to look at:

    \b
        sessions up --demo

    Or with data of your own:

    \b
        site=$(sessions websites create --name shop)
        key=$(sessions keys create --name ci --scope sessions:read)
        sessions import --website "$site" --format combined access.log.gz
        sessions up

    Settings are environment variables, such as SESSIONS_DATA_DIR, SESSIONS_PORT and
    DATABASE_URL; docs/settings.md lists them all.
    """


for command in COMMANDS:
    sessions.add_command(command)
for command in analyze_behaviour.COMMANDS:
    analyze.add_command(command)


def main() -> None:
    """Run the command line; what went wrong is one message on stderr, and exit status 1."""
    try:
        sessions()
    except KeyboardInterrupt:
        # 128 + SIGINT, as shells report it.
        sys.exit(_INTERRUPTED)
    except Exception as error:
        message = _explanation(error)
        if message is None:
            raise
        print(f"sessions: {message}", file=sys.stderr)
        sys.exit(1)


def _explanation(error: Exception) -> str | None:
    """What to tell the user; None for a mistake in the program."""
    from pydantic import ValidationError

    from sessions.domain.errors import DomainError
    from sessions.standalone.console import StartError

    if isinstance(error, ValidationError):
        return "; ".join(_setting(problem["loc"], problem["msg"]) for problem in error.errors())
    return str(error) if isinstance(error, DomainError | StartError | OSError) else None


def _setting(location: tuple[int | str, ...], message: str) -> str:
    """Name the variable as one sets it."""
    name = str(location[0])
    variable = name if name.isupper() else f"SESSIONS_{name.upper()}"
    return f"{variable}: {message.removeprefix('Value error, ')}"
