"""Where a visitor is."""

from typing import NamedTuple


class Place(NamedTuple):
    """A place, as far as it is known; `''` is unknown."""

    country: str = ""
    """ISO 3166-1 alpha-2 code in capitals."""
    region: str = ""
    """First-level subdivision of the country."""
    city: str = ""


NOWHERE = Place()


def nowhere(address: str) -> Place:
    """What is known of an IP address without a database."""
    return NOWHERE
