"""From the bytes of a request to its message: bounded first, then decoded."""

from google.protobuf.message import DecodeError, Message

from sessions.api import wire
from sessions.api.methods import Method
from sessions.domain.errors import InvalidArgument, Reason, TooLarge, Violation
from sessions.ingest.slices import map_in_slices

# Bytes that are decoded in one piece, in less than a millisecond whatever they are.
_AT_ONCE = 64 * 1024


async def decode(method: Method, raw: bytes) -> Message:
    """The message of the bytes.

    Raises:
        TooLarge: they are more than the method allows.
        InvalidArgument: they are no message, or hold too many values of a field.
    """
    if len(raw) > (limit := method.max_bytes):
        raise TooLarge(Reason.REQUEST_TOO_LARGE, limit=str(limit), found=str(len(raw)))
    try:
        if len(raw) <= wire.SMALL_BYTES:
            request = method.request.FromString(raw)
            if _is_within(method.bounds, request):
                return request
        return await _decode(method, raw)
    except (DecodeError, ValueError) as error:
        text = "not a valid message of this call: bad UTF-8, cut short or nested too deep"
        violation = Violation("request", text)
        raise InvalidArgument(violation, reason=Reason.MALFORMED_REQUEST) from error


def _is_within(bounds: wire.Bounds, request: Message) -> bool:
    """Whether no repeated field of a small request has more values than it may."""
    return all(
        field.number not in bounds or len(value) <= bounds[field.number].items
        for field, value in request.ListFields()
    )


async def _decode(method: Method, raw: bytes) -> Message:
    try:
        fields = wire.split(raw, method.bounds)
    except wire.OutOfBounds as error:
        raise _violation(method, error) from None
    if len(raw) <= _AT_ONCE:
        return method.request.FromString(raw)
    request = method.request()

    def merge(field: wire.Field) -> None:
        _, start, end, _ = field
        # Merging its fields one by one gives the same message as decoding it at once.
        request.MergeFromString(raw[start:end])

    await map_in_slices(merge, fields)
    return request


def _violation(method: Method, error: wire.OutOfBounds) -> InvalidArgument:
    field = method.request.DESCRIPTOR.fields_by_number.get(error.number)
    name = field.name if field else "request"
    if error.value is None:
        text = f"more than {error.limit:,} values; send {error.limit:,} at the most"
        return InvalidArgument(Violation(name, text, limit=error.limit))
    where, found = f"{name}[{error.index}]", len(error.value)
    number, size = wire.largest(error.value)
    inner = field and field.message_type and field.message_type.fields_by_number.get(number)
    if inner and size > error.limit:
        where, found = f"{where}.{inner.name}", size
    text = f"is {found:,} bytes long; a value of {name} has {error.limit:,} at the most"
    return InvalidArgument(Violation(where, text, limit=error.limit, found=found))
