"""Conditions on visitor ids as conditions on visitor keys, which is what columns hold."""

from typing import LiteralString

from sessions.domain.predicates import Like, OneOf, Predicate, VisitorKeys, leaves, with_leaves
from sessions.storage.database import Connection
from sessions.storage.predicates import compile_predicate

_FIND: LiteralString = """
SELECT coalesce(string_agg(int8send(s.visitor_key), ''::bytea), '')
  FROM visitors s
 WHERE s.website_key = %(website_key)s AND {condition}"""


async def resolve(connection: Connection, website_key: int, predicate: Predicate) -> Predicate:
    """The same predicate with the keys that visitors have, as a transaction sees them."""
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
        await cursor.execute(query, parameters | {"website_key": website_key})
        [(keys,)] = await cursor.fetchall()
    return bytes(keys)
