"""A service with a geolocation database."""

import asyncio
import json
from pathlib import Path

from sessions.composition import open_application
from sessions.domain.api_keys import Scope
from sessions.settings import Settings

from tests.support.geo_database import write_geo_database
from tests.support.stack import running_stack


async def _website_and_key(database_url: str) -> tuple[str, str]:
    async with open_application(database_url, Settings()) as application:
        return (
            await application.websites.create("test"),
            await application.api_keys.create("test", list(Scope)),
        )


def test_a_recorded_address_gives_the_place_of_its_session(tmp_path: Path) -> None:
    geo_database = write_geo_database(tmp_path / "locations.mmdb")
    with running_stack(tmp_path / "data", SESSIONS_GEO_DATABASE=str(geo_database)) as stack:
        website_id, key = asyncio.run(_website_and_key(stack.database_url))
        event = {"event_type": "pageview", "url": "/", "client_ip": "198.51.100.7"}
        path = f"/api/websites/{website_id}"
        body = json.dumps({"events": [event]}).encode()
        assert stack.request(f"{path}/events", key=key, method="POST", body=body).status == 200
        found = stack.request(f"{path}/sessions", {"filter_city": "San José"}, key=key).json
        [session] = found["sessions"]
    assert (session["country"], session["region"]) == ("US", "California")
    assert "198.51.100.7" not in json.dumps(found)
