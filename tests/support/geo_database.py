"""A small geolocation database in MaxMind's format."""

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

CITY: dict[str, Any] = {
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "subdivisions": [{"iso_code": "CA", "names": {"en": "California", "fr": "Californie"}}],
    "city": {"names": {"en": "San José"}},
}
COUNTRY: dict[str, Any] = {"country": {"iso_code": "DE"}}


def write_record(path: Path, record: Any) -> Path:
    """198.51.100.0/24 is what the record says, whatever it is."""
    writer = MMDBWriter()
    writer.insert_network(IPSet(["198.51.100.0/24"]), record)
    writer.to_db_file(str(path))
    return path


def write_geo_database(path: Path, *, ip_version: int = 6) -> Path:
    """198.51.100.0/24 is a city, 203.0.113.0/24 a country alone, 2001:db8::/32 a city too."""
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6)
    writer.insert_network(IPSet(["198.51.100.0/24"]), CITY)
    writer.insert_network(IPSet(["203.0.113.0/24"]), COUNTRY)
    if ip_version == 6:
        writer.insert_network(IPSet(["2001:db8::/32"]), CITY)
    writer.to_db_file(str(path))
    return path
