"""The URL of read replicas, which can name several servers."""

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_LISTS = ("host", "hostaddr", "port")
_EXAMPLE = "such as postgresql://sessions:secret@db2:5432,db3:5432/sessions"


def urls_of(url: str) -> dict[str, str]:
    """By host, the URLs of a URL that can name several, which are not equally far behind.

    An empty URL names none.

    Raises:
        ValueError: what is wrong with it, without any part of it: it can hold a password.
    """
    if not url:
        return {}
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        # libpq quotes what it can't read, be it the password.
        raise ValueError(f"write a URL that libpq can read, {_EXAMPLE}") from None
    lists = {name: str(given[name]).split(",") for name in _LISTS if given.get(name)}
    _check(lists.get("host", []), lists.get("hostaddr", []), lists.get("port", []))
    each = [
        {name: values[number % len(values)] for name, values in lists.items()}
        for number in range(max(map(len, lists.values()), default=1))
    ]
    return {":".join(filter(None, one.values())): make_conninfo(url, **one) for one in each}


def _check(hosts: list[str], addresses: list[str], ports: list[str]) -> None:
    if not all((*hosts, *addresses)):
        raise ValueError(f"one of its hosts is empty; write all of them, {_EXAMPLE}")
    if hosts and addresses and len(hosts) != len(addresses):
        raise ValueError("name as many hosts as addresses (hostaddr)")
    if len(ports) not in (0, 1, len(hosts or addresses or [""])):
        raise ValueError(f"name one port, or as many as hosts, {_EXAMPLE}")
    if not all(map(_is_port, ports)):
        raise ValueError(f"write ports as numbers from 1 to 65535, {_EXAMPLE}")


def _is_port(text: str) -> bool:
    # Empty, it is the default.
    return not text or (text.isdecimal() and 1 <= int(text) <= 65_535)
