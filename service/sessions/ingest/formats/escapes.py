r"""Text in access logs, where Apache and nginx write `\"`, `\\`, `\n` and `\xHH`."""

import re

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_NAMED = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b'"': b'"', b"\\": b"\\"}


def text(field: bytes) -> str:
    """The field as it was in the request: UTF-8, or else Latin-1, which every byte sequence is."""
    if b"\\" in field:
        field = _ESCAPE.sub(_unescape, field)
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")


def _unescape(match: re.Match[bytes]) -> bytes:
    code, letter = match.groups()
    if code is not None:
        return bytes.fromhex(code.decode())
    return _NAMED.get(letter, match[0])  # other servers don't escape backslashes
