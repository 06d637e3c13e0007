"""Ids that are made here and mean nothing."""

import secrets
import string

_ALPHABET = string.digits + string.ascii_lowercase


def random_id(prefix: str) -> str:
    """The prefix and ten random digits and letters: 52 bits, enough for what is made by hand."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(10))
