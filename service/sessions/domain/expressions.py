"""The syntax of expressions: text to a predicate, or an error that points at a character.

The grammar is `expressions.lark`. What a comparison means is the business of
`sessions.domain.comparisons`.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken

from sessions.domain.errors import InvalidArgument, Violation, shortened
from sessions.domain.predicates import All, Not, Predicate, any_of

MAX_BYTES = 4_096
"""Bytes of one expression."""
MAX_COMPARISONS = 64
"""Comparisons in one expression."""
MAX_DEPTH = 16
"""Parentheses inside of each other."""

_KEYWORDS = ("AND", "OR", "NOT")
# What stands at a position, as a message repeats it; a string may lack its end.
_LEXEME = re.compile(
    r"""
    "(?:[^"\\]|\\.)*"?  |  [^\s()"'=!<>:,.*\\]+  |  [<>!]=  |  .""",
    re.DOTALL | re.VERBOSE,
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERAL = re.compile(r'["\w/]')
# What follows a field that nothing is compared with.
_ALONE = re.compile(r"\)|[^\W\d]|$")


class Mistake(Exception):
    """What is wrong with an expression, and at which of its characters, counted from 0."""

    def __init__(self, position: int, text: str) -> None:
        super().__init__(text)
        self.position, self.text = position, text


class Comparison(NamedTuple):
    """A field, an operator and a value; the type of the value's token is its terminal's name."""

    field: Token
    operator: Token
    value: Token


Compare = Callable[[Comparison], Predicate]


def parse_expression(text: str, parameter: str, compare: Compare) -> Predicate:
    """The predicate that an expression stands for.

    Args:
        text: the expression, at most MAX_BYTES long, with MAX_COMPARISONS at most.
        parameter: what an error names.
        compare: the predicate of one comparison; raises Mistake.

    Raises:
        InvalidArgument: it can't be understood; says at which character, what was found there
            and what was expected.
    """
    if (size := len(text.encode())) > MAX_BYTES:
        position = len(text.encode()[:MAX_BYTES].decode(errors="ignore")) + 1
        message = f"at character {position}: is {size:,} bytes long; send {MAX_BYTES:,} at the most"
        raise InvalidArgument(Violation(parameter, message, MAX_BYTES, size, position))
    try:
        return _predicate(_parse(text), compare)
    except Mistake as mistake:
        message = f"at character {mistake.position + 1}: {mistake.text}"
        violation = Violation(parameter, message, position=mistake.position + 1)
        raise InvalidArgument(violation) from None


# Reading the grammar takes tens of milliseconds.
@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_suffix(".lark").read_text()
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


def _parse(text: str) -> Tree[Token]:
    if (nul := text.find("\0")) >= 0:
        raise Mistake(nul, "a NUL character; leave it out")
    parsing = _parser().parse_interactive(text)
    bounds = _Bounds()
    try:
        for token in parsing.iter_parse():
            bounds.check(token)
        tree: Tree[Token] = parsing.feed_eof()  # type: ignore[no-untyped-call]
    except (UnexpectedCharacters, UnexpectedToken) as error:
        is_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        position = len(text) if is_end else error.pos_in_stream or 0
        accepted: set[str] = parsing.accepts()  # type: ignore[no-untyped-call]
        raise _mistake(text, position, accepted, bounds) from None
    return tree


class _Bounds:
    """Counts what an expression may have so many of, before it is parsed any further."""

    def __init__(self) -> None:
        self.last: Token | None = None
        self.depth = self._comparisons = 0

    def check(self, token: Token) -> None:
        self.last = token
        self._comparisons += token.type == "OPERATOR"
        self.depth += (token.type == "LPAR") - (token.type == "RPAR")
        if self._comparisons > MAX_COMPARISONS:
            text = f"more than {MAX_COMPARISONS} comparisons"
            raise Mistake(token.start_pos or 0, text)
        if self.depth > MAX_DEPTH:
            text = f"more than {MAX_DEPTH} parentheses inside of each other"
            raise Mistake(token.start_pos or 0, text)


def _mistake(text: str, position: int, accepted: set[str], before: _Bounds) -> Mistake:
    """What to say of an expression that can't go on at a position."""
    lexeme = _LEXEME.match(text, position)
    word = lexeme[0] if lexeme else ""
    found = repr(shortened(word, 40)) if word else "the end"
    if word.startswith('"') and not _STRING.fullmatch(word):
        return Mistake(position, "the string that begins here has no closing quote")
    if "OPERATOR" in accepted and before.last is not None:
        return _after_field(text, position, found, before.last)
    hint = _HINTS.get(word[:1], "")
    if "TEXT" in accepted:
        expected = "a value"
        hint = "; put it in double quotes" if word in _KEYWORDS else hint
    elif "FIELD" in accepted and "AND" not in accepted:
        if _LITERAL.match(word) and word not in _KEYWORDS:
            return Mistake(position, f"found {found}, {_BARE}")
        expected = "a condition"
    else:
        expected = f"AND, OR, a condition or {'a )' if before.depth > 0 else 'the end'}"
    return Mistake(position, f"found {found}, expected {expected}{hint}")


_BARE = "a bare literal; write a field and an operator before it"
_HINTS = {
    ".": "; put a value with '.' in double quotes",
    "'": "; put values in double quotes",
    ",": "; put a value with ',' in double quotes",
    ":": "; put a value with ':' in double quotes",
    "*": "; wildcards stand in double quotes",
    "\\": "; escapes stand in double quotes",
}


def _after_field(text: str, position: int, found: str, field: Token) -> Mistake:
    start = field.start_pos or 0
    if found == "'('":
        return Mistake(start, f"{str(field)!r} is called as a function; there are no functions")
    if found == "'.'":
        return Mistake(position, "found '.', expected an operator; fields have no parts")
    if field.upper() in _KEYWORDS:
        return Mistake(start, f"found {str(field)!r}; write {field.upper()} in capitals")
    if _ALONE.match(text, position):
        name = shortened(str(field), 40)
        return Mistake(start, f"found {name!r}, {_BARE}")
    return Mistake(position, f"found {found}, expected an operator")


def _predicate(tree: Tree[Token], compare: Compare) -> Predicate:
    children: list[Any] = tree.children
    if tree.data == "comparison":
        return compare(Comparison(*children))
    operands = tuple(_predicate(child, compare) for child in children)
    if tree.data == "negation":
        return Not(operands[0])
    return any_of(operands) if tree.data == "either" else All(operands)
