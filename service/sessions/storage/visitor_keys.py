"""Conditions on visitor ids as conditions on visitor keys, which is what columns hold."""

from typing import LiteralString

from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.predicates import Like, OneOf, Predicate, VisitorKeys, leaves, with_leaves
from sessions.storage.database import Connection
from sessions.storage.predicates import compile_predicate

MAX_VISITORS = 10_000
"""Visitors whom one condition can mean."""

_FIND: LiteralString = """
SELECT count(*), coalesce(string_agg(int8send(visitor_key), ''::bytea ORDER BY visitor_key), '')
  FROM (SELECT s.visitor_key
          FROM visitors s
         WHERE s.website_key = %(website_key)s AND {condition}
         LIMIT %(most)s + 1) AS found"""


async def resolve(connection: Connection, website_key: int, predicate: Predicate) -> Predicate:
    """The same predicate with the keys that visitors have, as a transaction sees them.

    Raises:
        InvalidArgument: a condition is true of too many visitors.
    """
    found: dict[Predicate, Predicate] = {}
    for leaf in leaves(predicate):
        match leaf:
            case OneOf("visitor_id") | Like("visitor_id"):
                found[leaf] = VisitorKeys(await _keys(connection, website_key, leaf))
    return with_leaves(predicate, found)


async def _keys(connection: Connection, website_key: int, condition: Predicate) -> bytes:
    text, parameters = compile_predicate(condition)
    async with connection.cursor(binary=True) as cursor:
        query = _FIND.format(condition=text)
        await cursor.execute(query, parameters | {"website_key": website_key, "most": MAX_VISITORS})
        [(count, keys)] = await cursor.fetchall()
    if count > MAX_VISITORS:
        text = f"visitor_id matches more than {MAX_VISITORS:,} visitors; send more of their ids"
        raise InvalidArgument(Violation("filter", text, MAX_VISITORS))
    return bytes(keys)
