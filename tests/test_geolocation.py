"""Places of addresses, from a database file."""

from pathlib import Path
from typing import Any

import pytest
from sessions.domain.locations import UNKNOWN, Location
from sessions.geolocation import Geolocation
from sessions.settings import Settings

from tests.support.geo_database import write_geo_database, write_record

SAN_JOSE = Location("US", "California", "San José")


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("198.51.100.7", SAN_JOSE),
        ("2001:db8::7", SAN_JOSE),
        ("203.0.113.7", Location("DE")),
        ("192.0.2.7", UNKNOWN),
        ("2001:db9::7", UNKNOWN),
    ],
)
def test_locations(tmp_path: Path, address: str, location: Location) -> None:
    assert Geolocation(write_geo_database(tmp_path / "locations.mmdb"))(address) == location


def test_a_database_of_ipv4_alone(tmp_path: Path) -> None:
    locations = Geolocation(write_geo_database(tmp_path / "locations.mmdb", ip_version=4))
    assert locations("198.51.100.7") == SAN_JOSE
    assert locations("2001:db8::7") == UNKNOWN


@pytest.mark.parametrize(
    "record",
    [
        {"country": "US", "city": "San José", "subdivisions": {}},
        {"country": {"iso_code": 840}, "city": {"names": {"de": "x"}}, "subdivisions": []},
        "US",
    ],
)
def test_records_of_another_make_say_nothing(tmp_path: Path, record: Any) -> None:
    assert Geolocation(write_record(tmp_path / "locations.mmdb", record))("198.51.100.7") == UNKNOWN


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "locations.mmdb"
    file.write_text("nonsense")
    with pytest.raises(ValueError, match=r"locations\.mmdb is not in MaxMind's format"):
        Geolocation(file)


def test_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_GEO_DATABASE", "")
    assert Settings().geo_database is None
    file = write_geo_database(tmp_path / "locations.mmdb")
    monkeypatch.setenv("SESSIONS_GEO_DATABASE", str(file))
    assert Settings().geo_database == file
    for wrong in (tmp_path / "nowhere", Path(__file__)):
        monkeypatch.setenv("SESSIONS_GEO_DATABASE", str(wrong))
        with pytest.raises(ValueError, match="geo_database"):
            Settings()
