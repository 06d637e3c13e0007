"""Looks into a serialized request before it is decoded.

A field takes two bytes or more on the wire, and up to a hundred times that as an object: 4 MiB of
empty events would be 500 MiB. Protobuf's decoder has no bound on that, and decodes a message in
one piece, while nobody else is served. So this walks over the fields of the request itself, not
over those inside of them, counts the repeated ones, and stops at the first one too many.

The format is that of https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from google.protobuf.message import DecodeError

_VARINT, _DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}

# Fields without a bound of their own: known ones, and what a newer client may send.
_MAX_OTHERS = 1_000

SMALL_BYTES = 2 * _MAX_OTHERS
"""The size up to which a message is no burden: it has no more fields than any may have."""


class Bound(NamedTuple):
    """How many values of a repeated field there may be, and how many bytes each; 0 for any."""

    items: int
    bytes: int = 0


Bounds: TypeAlias = Mapping[int, Bound]
"""By the numbers of fields."""

Field: TypeAlias = "tuple[int, int, int, int]"
"""A field on the wire: its number, where it starts and ends, and the bytes of its value."""


class OutOfBounds(Exception):
    """A field passes a bound: its number, or 0 for those without a bound of their own.

    `value` is the one that is too large, and None where there are too many.
    """

    def __init__(self, number: int, index: int, limit: int, value: bytes | None = None) -> None:
        super().__init__(f"value {index} of field {number} passes the bound of {limit}")
        self.number = number
        self.index = index
        self.limit = limit
        self.value = value


def split(raw: bytes, bounds: Bounds) -> list[Field]:
    """The fields of a message, in order.

    Raises:
        OutOfBounds: at the first field that passes a bound.
        DecodeError: the bytes are not a message, or hold groups, which proto3 does not have.
    """
    fields = []
    counts = dict.fromkeys((*bounds, 0), 0)
    position, end = 0, len(raw)
    try:
        while position < end:
            field = number, _, position, size = _field(raw, position)
            if number not in bounds:
                number = 0
            limit, largest = bounds.get(number, (_MAX_OTHERS, 0))
            index = counts[number]
            if index == limit:
                raise OutOfBounds(number, index, limit)
            if largest and size > largest:
                raise OutOfBounds(number, index, largest, raw[position - size : position])
            counts[number] = index + 1
            fields.append(field)
    # A number goes on beyond the end of the message.
    except IndexError:
        raise DecodeError("cut short") from None
    # A length can point beyond the end of the message.
    if position > end:
        raise DecodeError("cut short")
    return fields


def largest(raw: bytes) -> tuple[int, int]:
    """The number and the size of the largest field of a message, as far as it can be read."""
    try:
        fields = split(raw, {})
    except (OutOfBounds, DecodeError):
        return 0, 0
    return max(((number, size) for number, _, _, size in fields), key=itemgetter(1))


def _field(raw: bytes, start: int) -> Field:
    tag, position = _varint(raw, start)
    # Three bits say how long the value is, the others are the number of the field.
    kind = tag & 7
    if kind == _DELIMITED:
        size, position = _varint(raw, position)
        return tag >> 3, start, position + size, size
    if kind == _VARINT:
        return tag >> 3, start, _varint(raw, position)[1], 0
    if kind in _FIXED_SIZES:
        return tag >> 3, start, position + _FIXED_SIZES[kind], 0
    raise DecodeError("a group")


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and the position after it."""
    byte = raw[position]
    if byte < 0x80:
        return byte, position + 1
    value = byte & 0x7F
    for shift in range(7, 64, 7):
        position += 1
        byte = raw[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
    raise DecodeError("a number that does not end")
