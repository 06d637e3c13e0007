"""Who a visitor is, and what makes an event the same event when it comes again."""

import ipaddress
import re
import secrets
from collections.abc import Hashable
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from hmac import digest

import orjson

from sessions.domain.events import SentEvent

_LONGEST_IP = 64  # characters, with a zone; what is longer is neither looked at nor remembered
_WITH_PORT = re.compile(r"(?:\[(.+)\]|([^:]+))(?::\d{1,5})?", re.ASCII)
_ORDINALS_REMEMBERED = 131_072  # 20 MB at the most


def visitor_id(secret: bytes, website_id: str, client_ip: str, user_agent: str) -> str:
    """16 hex digits that stand for one client on one website.

    A keyed hash (HMAC-SHA256): without the secret it can't be turned back by
    trying all addresses. `client_ip` is the form that `canonical_ip` gives.
    """
    # NUL can't occur in any of the three, so no two triples give the same message
    message = f"{website_id}\0{client_ip}\0{user_agent}".encode()
    return digest(secret, message, "sha256")[:8].hex()


def tombstone_hash(secret: bytes, website_id: str, visitor_id: str) -> bytes:
    """What stands for a visitor after its erasure: 16 bytes of a keyed hash.

    An id can be a name or an address that somebody might guess; without the
    secret no guess can be checked.
    """
    # No website id is like the first part, so no client's id comes from the same message
    message = f"tombstone\0{website_id}\0{visitor_id}".encode()
    return digest(secret, message, "sha256")[:16]


def canonical_ip(client_ip: str) -> str:
    """The one spelling of an IP address, an IPv4-mapped IPv6 address as IPv4; `''` if it is none.

    A port behind it (`192.0.2.1:4711`, `[2001:db8::1]:4711`) is not part of the address.

    >>> canonical_ip("2001:DB8:0::1"), canonical_ip("::ffff:192.0.2.1"), canonical_ip("localhost")
    ('2001:db8::1', '192.0.2.1', '')
    """
    return _canonical_ip(client_ip) if len(client_ip) <= _LONGEST_IP else ""


@lru_cache(maxsize=8_192)
def _canonical_ip(client_ip: str) -> str:
    text = client_ip.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


class Ordinals:
    """Counts how often each content came before, in bounded memory.

    The count is exact for a content as long as fewer than `remembered` other
    contents came since its last time; older ones are forgotten and start again at
    0. It depends on nothing but the contents so far: the same input, or one that
    has grown at its end, gives the same ordinals.
    """

    def __init__(self, remembered: int = _ORDINALS_REMEMBERED) -> None:
        self._remembered = remembered
        self._recent: dict[Hashable, int] = {}
        self._older: dict[Hashable, int] = {}

    def next(self, content: Hashable) -> int:
        """How many times this content came before."""
        ordinal = self._recent.get(content)
        if ordinal is None:
            ordinal = self._older.get(content, 0)
        self._recent[content] = ordinal + 1
        # Two generations instead of a list of uses: no bookkeeping on each call
        if len(self._recent) > self._remembered:
            self._older, self._recent = self._recent, {}
        return ordinal


def content_id(content: bytes, ordinals: Ordinals) -> str:
    """The id of an event that was sent without one: a hash of its content, and its ordinal.

    64 bits are enough, for the identity of an event holds the visitor and the
    moment as well. The second of two equal contents ends in `.1`.
    """
    hashed = blake2b(content, digest_size=8).digest()
    ordinal = ordinals.next(hashed)
    return f"{hashed.hex()}.{ordinal}" if ordinal else hashed.hex()


def sent_content(sent: SentEvent, occurred_at: datetime) -> bytes:
    """What was sent, in one canonical form: equal for equal events, whatever derives from them.

    The event must be valid; `occurred_at` is its timestamp in UTC.
    """
    return orjson.dumps(
        [
            occurred_at,
            sent.event_type,
            sent.sequence,
            sent.visitor_id,
            sent.client_ip,
            sent.user_agent,
            sent.url,
            sent.referrer,
            sent.event_name,
            sent.event_data,
            sent.hostname,
            sent.language,
            sent.country,
            sent.region,
            sent.city,
        ],
        option=orjson.OPT_SORT_KEYS,
    )


def random_id() -> str:
    """The id of an event that was sent with neither id nor timestamp: it is not retry-safe."""
    return secrets.token_hex(8)
