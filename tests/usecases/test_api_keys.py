"""Keys as those who run the service make and revoke them."""

import pytest
from sessions.domain.errors import NotFound
from sessions.storage.database import Database
from sessions.usecases.api_keys import ApiKeys
from sessions.usecases.websites import Websites


@pytest.mark.parametrize("key_id", ["key_0123456789", "ü", "\udcff"])
async def test_what_is_no_key_is_not_found(database_url: str, key_id: str) -> None:
    async with Database(database_url) as database:
        with pytest.raises(NotFound):
            await ApiKeys(database, Websites(database)).revoke(key_id)
