"""The addresses of clients: their one spelling, and where they stand inside of other text.

A client's address is stored nowhere and said nowhere.
"""

import ipaddress
import re
from functools import lru_cache

_LONGEST_IP = 64  # characters, with a zone; what is longer is neither looked at nor remembered
_WITH_PORT = re.compile(r"(?:\[(.+)\]|([^:]+))(?::\d{1,5})?", re.ASCII)

_ADDRESS = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)"
    r"|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})(?!\w)",
    re.ASCII,
)


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


def network_of(address: str) -> str:
    """What one subscriber has: an IPv4 address, or the 64 bits that all of its IPv6 ones share.

    >>> network_of("192.0.2.1"), network_of("2001:db8::1")
    ('192.0.2.1', '2001:db8::/64')
    """
    if ":" not in address or not canonical_ip(address):
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))


def holds_address(text: str, address: str) -> bool:
    """Whether a text holds an IP address, in whatever spelling.

    Args:
        text: any text.
        address: in the form that `canonical_ip` gives.
    """
    plain = address.partition("%")[0]
    return any(canonical_ip(found[0]) == plain for found in _ADDRESS.finditer(text))


def may_hold_address(text: str, address: str) -> bool:
    """False where `holds_address` certainly is: a quick look that nearly always ends it."""
    return address.partition(":")[0] in text.lower() if ":" in address else address in text


def without_addresses(text: str) -> str:
    """A text as a message may repeat it, with `…` for each IP address."""
    return _ADDRESS.sub("…", text)
