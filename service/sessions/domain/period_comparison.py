"""With which days a range of days is compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sessions.domain.errors import InvalidArgument, Violation, shortened
from sessions.domain.selection import Days, Range, check_order, parse_day


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonQuery:
    """The comparison that a caller asks for, `''` for none."""

    compare: str = ""
    start_date: str = ""
    end_date: str = ""


class ComparedDays(NamedTuple):
    """Days to compare with; `adjusted` where a 29 February became a 28 February."""

    days: Days
    adjusted: bool = False

    def range(self, compared: Days, as_of: datetime) -> Range:
        """When the sessions to compare with started.

        Where the compared days end today, which is not over yet, the last day here ends at the
        same local time.
        """
        whole = self.days.range
        now = as_of.astimezone(compared.zone)
        if compared.end != now.date():
            return whole
        # A local time that is skipped or comes twice is read as midnight is.
        moment = datetime.combine(self.days.end, now.time(), compared.zone).astimezone(UTC)
        return whole._replace(until=min(whole.until, moment))


def compared_days(query: ComparisonQuery, days: Days) -> ComparedDays | None:
    """The days with which some days are compared.

    Raises:
        InvalidArgument: there is no such comparison, or its days are wrong or missing.
    """
    given = {"compare_start_date": query.start_date, "compare_end_date": query.end_date}
    if query.compare != _CUSTOM:
        _refuse(given)
        if not query.compare:
            return None
    if query.compare not in _COMPARISONS:
        text = (
            f"{shortened(query.compare)!r} is no comparison; send one of {', '.join(_COMPARISONS)}"
        )
        raise InvalidArgument(Violation("compare", text))
    return _COMPARISONS[query.compare](days, given)


def _refuse(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if value:
            text = f"goes with compare={_CUSTOM} only; send that, or leave it out"
            raise InvalidArgument(Violation(name, text))


def _previous_period(days: Days, _: Mapping[str, str]) -> ComparedDays:
    length = days.end - days.start + timedelta(days=1)
    return ComparedDays(days._replace(start=days.start - length, end=days.end - length))


def _previous_year(days: Days, _: Mapping[str, str]) -> ComparedDays:
    (start, start_adjusted), (end, end_adjusted) = map(_year_before, (days.start, days.end))
    return ComparedDays(days._replace(start=start, end=end), start_adjusted or end_adjusted)


def _year_before(day: date) -> tuple[date, bool]:
    """The same date one year before, and whether it had to be another one."""
    try:
        return day.replace(year=day.year - 1), False
    except ValueError:
        return date(day.year - 1, 2, 28), True


def _custom(days: Days, given: Mapping[str, str]) -> ComparedDays:
    for name, value in given.items():
        if not value:
            text = f"is missing; send YYYY-MM-DD with compare={_CUSTOM}"
            raise InvalidArgument(Violation(name, text))
    start, end = (parse_day(name, value) for name, value in given.items())
    check_order(start, end, "compare_")
    return ComparedDays(days._replace(start=start, end=end))


_CUSTOM = "custom"
_COMPARISONS: Mapping[str, Callable[[Days, Mapping[str, str]], ComparedDays]] = {
    "previous_period": _previous_period,
    "previous_year": _previous_year,
    _CUSTOM: _custom,
}
