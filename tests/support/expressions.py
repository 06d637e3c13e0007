"""Random expressions, each with a function that knows of what it is true.

Nothing here is of the service: what a field is and what an operator means is written again.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Generic, NamedTuple, TypeVar

Subject = TypeVar("Subject")
Step = tuple[str, str]
"""`page` and a path, or `event` and a name."""


@dataclass(frozen=True)
class Visit:
    """A session as those who made it know it; `texts` by the names of its fields."""

    visitor_id: str
    started_at: datetime
    duration: int
    is_bot: bool
    texts: Mapping[str, str]
    steps: Sequence[Step]

    def held(self, kind: str) -> list[str]:
        """Its pages, or the names of its events."""
        return [value for each, value in self.steps if each == kind and value]

    @property
    def pageviews(self) -> int:
        """How many pages it viewed."""
        return sum(kind == "page" for kind, _ in self.steps)

    @property
    def events(self) -> int:
        """How many custom events it has."""
        return len(self.steps) - self.pageviews


class Made(NamedTuple, Generic[Subject]):
    """The text of a condition, and of what it is true."""

    text: str
    is_true: Callable[[Subject], bool]


ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
MAX_COMPARISONS, MAX_BYTES = 64, 4_096
_SAFE = re.compile(r"[\w/+-]+")


def did(steps: Sequence[Step], conditions: Sequence[Callable[[Step], bool]]) -> bool:
    """Whether all conditions are true of steps in this order."""
    left = iter(steps)
    return all(any(condition(step) for step in left) for condition in conditions)


class ExpressionMaker:
    """Makes expressions that are about what some visits have, or nearly.

    Args:
        choose: the chance.
        visits: what values are taken from.
        fields: the texts of a visit to compare.
    """

    def __init__(
        self, choose: random.Random, visits: Sequence[Visit], fields: Sequence[str]
    ) -> None:
        self._choose = choose
        self._visits = visits
        self._fields = fields
        self._made = 0

    def filter(self, depth: int = 2) -> Made[Visit]:
        """A condition on a session, as large as an expression may be."""
        while True:
            self._made = 0
            made = self._all(self._comparison, depth)
            if self._made <= MAX_COMPARISONS and len(made.text.encode()) <= MAX_BYTES:
                return made

    def step(self) -> Made[Step]:
        """A condition on one event."""
        return self._all(self._of_step, 0)

    def _all(self, leaf: Callable[[], Made[Subject]], depth: int) -> Made[Subject]:
        """Sequences with AND between them: what stands side by side in each is AND, too."""
        sequences = [
            [self._either(leaf, depth) for _ in range(self._choose.choice((1, 1, 1, 2)))]
            for _ in range(self._choose.choice((1, 1, 2)))
        ]
        parts = [part for sequence in sequences for part in sequence]
        text = " AND ".join(" ".join(part.text for part in sequence) for sequence in sequences)
        return Made(text, lambda subject: all(part.is_true(subject) for part in parts))

    def _either(self, leaf: Callable[[], Made[Subject]], depth: int) -> Made[Subject]:
        terms = [self._term(leaf, depth) for _ in range(self._choose.choice((1, 1, 1, 2, 3)))]
        text = " OR ".join(term.text for term in terms)
        return Made(text, lambda subject: any(term.is_true(subject) for term in terms))

    def _term(self, leaf: Callable[[], Made[Subject]], depth: int) -> Made[Subject]:
        if depth and self._choose.random() < 0.3:
            inner = self._all(leaf, depth - 1)
            inner = Made(f"({inner.text})", inner.is_true)
        else:
            inner = leaf()
        sign = self._choose.choice(("", "", "", "NOT ", "-"))
        is_true = inner.is_true
        return Made(sign + inner.text, (lambda it: not is_true(it)) if sign else is_true)

    def _comparison(self) -> Made[Visit]:
        self._made += 1
        visit = self._choose.choice(self._visits)
        match self._choose.randrange(10):
            case 0:
                return self._held(visit, "page")
            case 1:
                return self._held(visit, "event")
            case 2:
                return self._ordered("duration", visit.duration, lambda it: it.duration)
            case 3:
                name = self._choose.choice(("pageviews", "events"))
                return self._ordered(name, getattr(visit, name), lambda it: getattr(it, name))
            case 4:
                return self._moment(visit)
            case 5:
                return self._bounce()
            case 6:
                return self._text("visitor_id", visit.visitor_id, lambda it: it.visitor_id)
        name = self._choose.choice(self._fields)
        return self._text(name, visit.texts[name], lambda it: it.texts[name])

    def _of_step(self) -> Made[Step]:
        steps = self._choose.choice(self._visits).steps
        kind, value = self._choose.choice([*steps, ("page", "/"), ("event", "none")])

        def get(step: Step) -> str | None:
            return step[1] if step[0] == kind else None

        return self._text(kind, value, get)

    def _text(self, name: str, value: str, get: Callable[[Subject], str | None]) -> Made[Subject]:
        operator = self._choose.choice(("=", "!=", ":"))
        written, is_like = self._value(value)
        if name == "country":  # compared in capitals, whatever is written
            written = written.swapcase()

        def is_true(subject: Subject) -> bool:
            found = get(subject)
            return (found is not None and is_like(found)) != (operator == "!=")

        return Made(f"{name}{self._space()}{operator}{self._space()}{written}", is_true)

    def _held(self, visit: Visit, kind: str) -> Made[Visit]:
        value = self._choose.choice([*visit.held(kind), "", "/nowhere"])
        written, is_like = self._value(value)
        return Made(f"{kind}:{written}", lambda it: any(map(is_like, it.held(kind) or [""])))

    def _value(self, value: str) -> tuple[str, Callable[[str], bool]]:
        """A value as it is written, and what it is like."""
        value = self._choose.choice((value, value, value, value[::-1], value[:-1]))
        cut = self._choose.randrange(len(value) + 1)
        match self._choose.randrange(6):
            case 0:
                return (
                    f'"{escaped(value[:cut])}*"',
                    lambda it: bool(it) and it.startswith(value[:cut]),
                )
            case 1:
                return (
                    f'"*{escaped(value[cut:])}"',
                    lambda it: bool(it) and it.endswith(value[cut:]),
                )
            case 2:
                part = value[cut // 2 : cut]
                return f'"*{escaped(part)}*"', lambda it: bool(it) and part in it
            case 3 if _SAFE.fullmatch(value) and value not in ("AND", "OR", "NOT"):
                return value, lambda it: it == value
        return f'"{escaped(value)}"', lambda it: it == value

    def _ordered(self, name: str, value: int, get: Callable[[Visit], int]) -> Made[Visit]:
        operator = self._choose.choice(list(ORDERED))
        number = value + self._choose.choice((-1, 0, 0, 1, 10**30))
        unit = self._choose.choice(("", "s")) if name == "duration" else ""
        written = self._choose.choice((f"{number}{unit}", f'"{number}{unit}"'))
        return Made(f"{name} {operator} {written}", lambda it: ORDERED[operator](get(it), number))

    def _moment(self, visit: Visit) -> Made[Visit]:
        operator = self._choose.choice(list(ORDERED))
        at = visit.started_at + timedelta(microseconds=self._choose.choice((-1, 0, 0, 1)))
        zone = self._choose.choice((UTC, timezone(timedelta(hours=5, minutes=30))))
        written = at.astimezone(zone).isoformat().replace("+00:00", "Z")
        return Made(
            f"started_at{operator}{written}", lambda it: ORDERED[operator](it.started_at, at)
        )

    def _bounce(self) -> Made[Visit]:
        operator = self._choose.choice(("=", "!="))
        expected = self._choose.choice((True, False))
        return Made(
            f"is_bounce {operator} {str(expected).lower()}",
            lambda it: ORDERED[operator](it.pageviews <= 1 and not it.events, expected),
        )

    def _space(self) -> str:
        return self._choose.choice(("", " ", "\n\t"))


def escaped(value: str) -> str:
    """A value as it stands in quotes."""
    return re.sub(r'(["*\\])', r"\\\1", value)
