"""The fields of an event as JSON: names, types, and what is wrong with a value."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from sessions.domain.client_addresses import without_addresses
from sessions.domain.limits import TEXTS
from sessions.domain.timestamps import rfc3339

EVENT_DATA = "event_data"
SEQUENCE = "sequence"
TIMESTAMP = "timestamp"


class WrongValue(ValueError):
    """The message says what the value must be."""


def read_text(value: Any) -> str:
    """Text; raises WrongValue for anything else."""
    if type(value) is not str:
        raise WrongValue("must be text")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:  # a bool is an int too, but not here
        raise WrongValue("must be an integer")
    return value


def read_boolean(value: Any) -> bool:
    """True or false; raises WrongValue for anything else."""
    if type(value) is not bool:
        raise WrongValue("must be true or false")
    return value


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise WrongValue("must be an object")
    return value


def _moment(value: Any) -> Any:
    try:
        return rfc3339(read_text(value))
    except WrongValue:
        raise
    except ValueError:
        raise WrongValue(
            "must be a time as in RFC 3339, such as 2026-03-03T10:15:00.123Z"
        ) from None


READERS: dict[str, Callable[[Any], Any]] = {
    **{each.field: read_text for each in TEXTS},
    SEQUENCE: _integer,
    EVENT_DATA: _object,
    TIMESTAMP: _moment,
}
"""Field of `EventInput` → what makes its value from JSON, or raises WrongValue."""


def read_fields(
    fields: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]] = READERS
) -> tuple[dict[str, Any], list[str]]:
    """The values of fields of JSON, of which null counts as not sent, and all that is wrong."""
    wrong: list[str] = []
    known: dict[str, Any] = {}
    for name, value in fields.items():
        reader = readers.get(name)
        if reader is read_text and type(value) is str:  # nearly always
            known[name] = value
        elif reader is None:
            wrong.append(unknown_field(name, readers))
        elif value is not None:
            try:
                known[name] = reader(value)
            except WrongValue as error:
                wrong.append(f"{name}: {error}")
    return known, wrong


def unknown_field(name: str, names: Iterable[str] = READERS) -> str:
    """Refuse a field by name, with the one that was meant if that can be guessed."""
    near = get_close_matches(name, list(names), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"'{shown(name)}': there is no such field{hint}"


def shown(text: str) -> str:
    """A text of a file as a message may repeat it: in part, and without IP addresses."""
    return ascii(without_addresses(text[:64]))[1:-1]
