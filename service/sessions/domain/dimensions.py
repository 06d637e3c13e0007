"""The dimensions of sessions: what a session has one text of, or holds many of.

Each dimension is stated here once. The columns of `sessions` and `events`, the fields of
messages, the parameters `filter_<name>` and the conditions in SQL are made from this registry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from sessions.domain import urls
from sessions.domain.limits import MAX_LANGUAGE
from sessions.domain.predicates import Pattern


class Origin(Enum):
    """Which of its events gives a session its value."""

    CLIENT = auto()
    """The first event, in order, that has a value."""
    ENTRY = auto()
    """The entry event: the first pageview, or the first event where there is none."""


def first_language(text: str) -> str:
    """The first language of an Accept-Language header: browsers put the preferred one there."""
    return text.partition(",")[0].partition(";")[0].strip()


def _language(value: str) -> str:
    """The language that a filter asks for: what no event can have sent stays as it is."""
    return first_language(value) if len(value) <= MAX_LANGUAGE else value


def _unchanged(text: str) -> str:
    return text


def _unchanged_pattern(pattern: Pattern) -> Pattern:
    return pattern


def _country_pattern(pattern: Pattern) -> Pattern:
    return pattern._replace(text=pattern.text.upper())


def _host_pattern(pattern: Pattern) -> Pattern:
    return pattern._replace(text=urls.fold_host_part(*pattern))


@dataclass(frozen=True, slots=True)
class Attribute:
    """A text that each event has and that a session takes over from one of its events.

    Args:
        name: the column of `sessions`, the field of a session's message, and the parameter
            `filter_<name>`. Also the column of `events` where the origin is CLIENT; the others
            derive from `url` and `referrer`, which events keep as they were sent.
        origin: which event gives a session its value.
        source: where an event gets it from: a path of attributes of `enrichment.Facts`.
        fold: brings a value that is compared with stored ones into their form.
        fold_pattern: the same for a pattern; raises ValueError where that can't be done.
    """

    name: str
    origin: Origin
    source: str
    fold: Callable[[str], str] = _unchanged
    fold_pattern: Callable[[Pattern], Pattern] = _unchanged_pattern


ATTRIBUTES = (
    Attribute("country", Origin.CLIENT, "location.country", str.upper, _country_pattern),
    Attribute("region", Origin.CLIENT, "location.region"),
    Attribute("city", Origin.CLIENT, "location.city"),
    Attribute("browser", Origin.CLIENT, "client.browser"),
    Attribute("os", Origin.CLIENT, "client.os"),
    Attribute("device", Origin.CLIENT, "client.device"),
    Attribute("language", Origin.CLIENT, "language", _language),
    Attribute("hostname", Origin.CLIENT, "hostname", urls.fold_host, _host_pattern),
    Attribute("referrer", Origin.ENTRY, "referrer_host", urls.fold_host, _host_pattern),
    Attribute("utm_source", Origin.ENTRY, "url.utm_source"),
    Attribute("utm_medium", Origin.ENTRY, "url.utm_medium"),
    Attribute("utm_campaign", Origin.ENTRY, "url.utm_campaign"),
)
"""All attributes; an unknown value is `''`."""

NAMES = tuple(each.name for each in ATTRIBUTES)
CLIENT = tuple(each.name for each in ATTRIBUTES if each.origin is Origin.CLIENT)
ACQUISITION = tuple(each.name for each in ATTRIBUTES if each.origin is Origin.ENTRY)

BORDER_PAGES = ("entry_page", "exit_page")
"""The paths of a session's first and last pageview; columns of `sessions`, searched as items."""

TEXTS = (*NAMES, *BORDER_PAGES)
"""All columns of `sessions` with a text to filter by."""

COLLECTIONS = ("page", "event")
"""What a session holds many of: viewed paths and names of custom events; searched as items."""

FILTERS = (*NAMES, "page")
"""What the parameters `filter_<name>` are for."""

# Entry and exit pages are compared as they are.
_FOLDS = {each.name: each.fold for each in ATTRIBUTES}
_FOLD_PATTERNS = {each.name: each.fold_pattern for each in ATTRIBUTES}


def fold(name: str, value: str) -> str:
    """A value as a dimension stores it, such as a country in capitals.

    What folds to nothing stays as it is, and equals no stored value: `''` would be "unknown".
    """
    return _FOLDS.get(name, _unchanged)(value) or value


def fold_pattern(name: str, pattern: Pattern) -> Pattern:
    """A pattern in the form that a dimension stores; raises ValueError, with the reason."""
    return _FOLD_PATTERNS.get(name, _unchanged_pattern)(pattern)
