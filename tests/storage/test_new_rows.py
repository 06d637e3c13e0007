"""Rows that are there are all that were sent, or the transaction fails."""

import pytest
from sessions.storage import new_rows
from sessions.storage.database import Database


async def test_rows_of_a_website_without_visitors_are_not_dropped_in_silence(
    database: Database,
) -> None:
    columns = {"session_id": new_rows.plain, "visitor_key": new_rows.plain}
    rows = [("00000000-0000-0000-0000-000000000001", 1)]
    async with database.transaction() as connection:
        sent = await new_rows.send(connection, "session_ids", 1, columns, rows)
        with pytest.raises(RuntimeError, match="0 of 1 rows were added to session_ids"):
            sent.check()
