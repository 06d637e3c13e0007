"""IP addresses inside of other text: what a client's address must not be stored or said in."""

import re

from sessions.domain.identity import canonical_ip

_ADDRESS = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)"
    r"|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})(?!\w)",
    re.ASCII,
)


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
