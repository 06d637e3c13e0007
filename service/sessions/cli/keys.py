"""`sessions keys`."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

import click

from sessions.cli.application import as_json, run, show
from sessions.domain.api_keys import Scope
from sessions.domain.key_limits import HIGHEST, KeyLimit

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]


@click.group(short_help="Create, list and revoke API keys.")
def keys() -> None:
    """API keys: each allows to read sessions, write events or erase visitors."""


def _limits(_: click.Context, __: click.Parameter, texts: Iterable[str]) -> dict[KeyLimit, int]:
    """Limits by name, from texts such as `calls=50`."""
    return dict(map(_limit, texts))


def _limit(text: str) -> tuple[KeyLimit, int]:
    name, _, number = text.partition("=")
    limit = next((each for each in KeyLimit if each == name), None)
    if limit is None or not re.fullmatch("[1-9][0-9]{0,6}", number) or int(number) > HIGHEST:
        names = ", ".join(KeyLimit)
        problem = f"{text!r} is not one of {names} with 1 to {HIGHEST}, such as calls=50"
        raise click.BadParameter(problem)
    return limit, int(number)


@keys.command()
@click.option("--name", required=True, help="Name of the key, for people.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it allows; can be given more than once.",
)
@click.option("--website", help="Id of the only website that it can be used for; all by default.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="LIMIT=NUMBER",
    callback=_limits,
    help="The most that it may do: calls or events per second, analyses or exports at once. Can "
    "be given more than once.",
)
@click.option(
    "--expires",
    type=click.DateTime(_MOMENTS),
    help="When it stops being valid: a day in UTC, or a moment such as 2027-01-31T18:00:00Z.",
)
def create(
    name: str,
    scopes: tuple[str, ...],
    website: str | None,
    limits: dict[KeyLimit, int],
    expires: datetime | None,
) -> None:
    """Create a key and print it. Only its hash is stored: keep it safe.

    \b
        sessions keys create --name dashboard --scope sessions:read
        sessions keys create --name shop --scope events:write --website site_abc123defg
        sessions keys create --name shop --scope events:write --limit events=500
        sessions keys create --name partner --scope sessions:read --limit calls=20
        sessions keys create --name audit --scope sessions:read --expires 2027-01-31
    """
    expires = _in_utc(expires) if expires else None
    wanted = [Scope(scope) for scope in dict.fromkeys(scopes)]
    secret = run(
        lambda app: app.api_keys.create(
            name, wanted, website_id=website, limits=limits, expires_at=expires
        )
    )
    click.echo(secret)


def _in_utc(moment: datetime) -> datetime:
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        text = "is outside of the years 1 to 9999 in UTC"
        raise click.BadParameter(text, param_hint="--expires") from None


@keys.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """List all keys with their last use, never their secrets.

    \b
        sessions keys list
        sessions keys list --json
    """
    found = run(lambda app: app.api_keys.list_all())
    show([key._asdict() for key in found], as_json=as_json)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke a key for good; in force everywhere within 5 seconds.

    \b
        sessions keys list
        sessions keys revoke key_0123456789
    """
    run(lambda app: app.api_keys.revoke(key_id))
