"""Parameters that several calls have in common: one of some values, a number of a range."""

from collections.abc import Sequence

from sessions.domain.errors import InvalidArgument, Violation, shortened


def choice(field: str, value: str, choices: Sequence[str]) -> str:
    """One of some values, the first one where none was sent.

    Raises:
        InvalidArgument: it is another one; names the field.
    """
    if value and value not in choices:
        text = f"{shortened(value)!r} is none of its values; send {', '.join(choices)}"
        raise InvalidArgument(Violation(field, text))
    return value or choices[0]


def number(field: str, value: int, default: int, low: int, high: int) -> int:
    """A number of a range; 0 stands for the default.

    Raises:
        InvalidArgument: it is out of range; names the field.
    """
    if value and not low <= value <= high:
        text = f"{value} is out of range; send {low} to {high}"
        raise InvalidArgument(Violation(field, text, high, value))
    return value or default
