"""The location of a visitor."""

from typing import NamedTuple


class Location(NamedTuple):
    """A location, as far as it is known; `''` is unknown."""

    country: str = ""
    """ISO 3166-1 alpha-2 code in capitals."""
    region: str = ""
    """First-level subdivision of the country."""
    city: str = ""


UNKNOWN = Location()


def unlocated(address: str) -> Location:
    """What is known of an IP address without a database."""
    return UNKNOWN
