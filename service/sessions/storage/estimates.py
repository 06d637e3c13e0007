"""How many rows something concerns, without counting them: enough for a progress bar."""

from typing import LiteralString

from sessions.storage.database import Database, Parameters


async def estimated_rows(database: Database, query: LiteralString, parameters: Parameters) -> int:
    """The planner's estimate of the rows of a query, from the statistics of the last ANALYZE.

    Raises:
        Unavailable: the database can't be reached.
    """
    # EXPLAIN without ANALYZE runs nothing.
    [(plans,)] = await database.fetch(f"EXPLAIN (FORMAT JSON) {query}", parameters)
    plan = plans[0]["Plan"]
    if "Distributed Query" in plan:
        # Citus knows nothing of the rows; the node that has them does.
        [task] = plan["Distributed Query"]["Job"]["Tasks"]
        plan = task["Remote Plan"][0][0]["Plan"]
    return int(plan["Plan Rows"])
