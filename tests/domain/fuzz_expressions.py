"""Parses random expressions: each is understood, or refused with the character that is wrong.

What is understood is compiled to SQL, too, where rows can tell.

python -m tests.domain.fuzz_expressions --expressions 50000 --seed 1
"""

import argparse
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sessions.domain.comparisons import parse_filter
from sessions.domain.errors import InvalidArgument
from sessions.domain.predicates import Predicate
from sessions.domain.steps import parse_step
from sessions.storage.predicates import compile_predicate, in_rows

from tests.support.expressions import ExpressionMaker, Visit

_TEXTS = ["", "a", "A b", 'a"b*\\', "ü", "日本", "AND", "%_", "a.b", "-1", "x" * 300]
_FIELDS = ("country", "city", "hostname", "referrer", "language", "utm_source", "entry_page")
_ODD = " \t\n\0()\"'=!<>:,.*\\-_ANDORT01aZü日\u00a0\u2028\U0001f600$%&?[]{}|;"
_WORDS = (
    *("AND", "OR", "NOT", "-", "(", ")", "=", "!=", "<", "<=", ">", ">=", ":", "*", '"', "\\"),
    *("country", "duration", "page", "is_bot", "started_at", "nothing", "US", '"a*"', "60s", "."),
    *("2026-03-03T10:15:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999Z"),
)


@dataclass
class Outcome:
    """What became of the expressions; `slowest` in seconds of processor time."""

    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    slowest_text: str = ""


def run(count: int, seed: int) -> Outcome:
    """Parse so many expressions.

    Raises:
        AssertionError: one was refused that is right, or without a character that is wrong.
        Exception: parsing raised anything else than its own error.
    """
    outcome = Outcome()
    parse_step("page:*", "filter")  # reads the grammar, once in a process
    for text, kind, is_right in expressions(random.Random(seed), count):  # noqa: S311
        parse = _PARSERS[kind]
        started = time.thread_time()
        error = _refusal(parse, text)
        elapsed = time.thread_time() - started
        if error:
            outcome.refused += 1
            assert not is_right, (text, error.message)
            _check(text, error)
        else:
            outcome.accepted += 1
        if elapsed > outcome.slowest:
            outcome.slowest, outcome.slowest_text = elapsed, text
    return outcome


def expressions(choose: random.Random, count: int) -> Iterator[tuple[str, str, bool]]:
    """Texts, what each of them is parsed as, and whether it is known to be right."""
    makers = _makers(choose)
    for _ in range(count):
        make = choose.choice(list(makers))
        yield make(), makers[make], make.__name__ in ("filter", "step")


def _refusal(parse: Callable[[str], object], text: str) -> InvalidArgument | None:
    try:
        parse(text)
    except InvalidArgument as error:
        return error
    return None


_PARSERS: dict[str, Callable[[str], object]] = {
    "filter": lambda text: _compile(parse_filter(text, include_bots=False)),
    "step": lambda text: parse_step(text, "filter"),
}


def _compile(predicate: Predicate) -> None:
    if in_rows(predicate):
        compile_predicate(predicate)


def _check(text: str, error: InvalidArgument) -> None:
    [violation] = error.violations
    assert violation.field == "filter"
    found = re.match(r"at character (\d+): .", violation.description)
    assert found, (text, violation)
    assert 1 <= int(found[1]) <= len(text) + 1, (text, violation)
    assert len(violation.description) < 500, violation


def _makers(choose: random.Random) -> dict[Callable[[], str], str]:
    """Ways to make an expression, and what each of them is parsed as."""
    maker = ExpressionMaker(choose, [_visit(choose) for _ in range(50)], _FIELDS)

    def filter() -> str:  # noqa: A001
        return maker.filter(choose.choice((0, 1, 2))).text

    def step() -> str:
        return maker.step().text

    def damaged() -> str:
        return _damaged(choose, filter())

    def damaged_step() -> str:
        return _damaged(choose, step())

    def words() -> str:
        between = choose.choice(("", " "))
        return between.join(choose.choices(_WORDS, k=choose.choice((1, 3, 8, 30))))

    def characters() -> str:
        return "".join(choose.choices(_ODD, k=choose.choice((1, 4, 20, 500, 4_000))))

    def raw_bytes() -> str:
        return choose.randbytes(choose.choice((1, 8, 100, 4_096))).decode(errors="ignore")

    def large() -> str:
        pieces = ("(", "country=a ", "NOT (", '"', "\\*", "a OR ", "- ", "city=a OR ", "9", "ü")
        return filter() + choose.choice(pieces) * choose.choice((70, 700))

    as_filter = (filter, damaged, words, characters, raw_bytes, large)
    return dict.fromkeys(as_filter, "filter") | dict.fromkeys((step, damaged_step), "step")


def _damaged(choose: random.Random, text: str) -> str:
    """An expression with one to four characters changed, taken out or put in."""
    for _ in range(choose.choice((1, 1, 2, 4))):
        place = choose.randrange(len(text) + 1)
        match choose.randrange(3):
            case 0:
                text = text[:place] + choose.choice(_ODD) + text[place + 1 :]
            case 1:
                text = text[:place] + choose.choice(_WORDS) + text[place:]
            case _:
                text = text[:place] + text[place + choose.choice((1, 1, 8)) :]
    return text


def _visit(choose: random.Random) -> Visit:
    texts = {name: choose.choice(_TEXTS) for name in _FIELDS}
    # Hosts are compared in another form, which is not what is tried here.
    texts |= {"hostname": "shop.example", "referrer": "news.example"}
    steps = [(choose.choice(("page", "event")), choose.choice(_TEXTS)) for _ in range(3)]
    started_at = datetime(2026, 3, 3, 10, tzinfo=UTC) + timedelta(seconds=choose.randrange(9_999))
    visitor_id = choose.choice(_TEXTS)
    return Visit(visitor_id, started_at, choose.randrange(999), False, texts, steps)


def main() -> None:
    """Parse as many as the options say, and tell what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--expressions", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    outcome = run(options.expressions, options.seed)
    print(f"{outcome.accepted:,} expressions understood, {outcome.refused:,} refused")
    print(f"the slowest took {outcome.slowest * 1000:.1f} ms: {outcome.slowest_text[:200]!r}")


if __name__ == "__main__":
    main()
