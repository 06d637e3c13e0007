"""`sessions serve`: the workers alone, for an Envoy and a PostgreSQL of your own."""

from sessions.processes.errors import StartError
from sessions.processes.supervisor import Supervisor, until_signal
from sessions.processes.workers import reserved_ports, workers
from sessions.settings import Settings


async def serve(settings: Settings) -> None:
    """Run the workers until a signal, and print where they listen.

    Raises:
        StartError: no database is configured, a port is in use, or a worker does not start.
    """
    if not settings.database_url:
        raise StartError(
            "serve needs DATABASE_URL, for example postgresql://user:password@host/database "
            "(`sessions up` brings its own PostgreSQL)"
        )
    with until_signal(), reserved_ports(settings, free=False) as ports:
        async with Supervisor() as supervisor:
            children = workers(ports, settings, settings.database_url, lame_duck=True)
            await supervisor.start("workers", *children)
            for port in ports:
                print(f"{port.host}:{port.port}", flush=True)
            await supervisor.watch()
