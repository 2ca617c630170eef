"""Queries that are one long chain, cut into pieces.

Scripts that add files or variables in a loop make chains of hundreds of fields. Dagger takes any; a recursive parser
and executor do not. A chain is cut where it is one field after the other; each piece starts from the id of the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

PIECE = 80
"""Fields in a piece."""

_LEXEME = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[(){}\[\]]|[^"(){}\[\]]+')
_FIELD = re.compile(r"\s*(?:(?P<alias>\w+)\s*:\s*)?(?P<name>\w+)\s*(?P<arguments>\(.*\))?\s*", re.DOTALL)
_FRAGMENT = re.compile(r"\s*\.\.\.\s*on\s+\w+\s*")


@dataclass(frozen=True)
class Piece:
    """A query that asks for the fields `steps`, one below the other.

    `keys` are their names in the answer, without fragments. `rest` is what is selected of the last.
    """

    steps: tuple[str, ...]
    rest: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Where the answer to `rest` is found."""
        matches = [_FIELD.fullmatch(step) for step in self.steps]
        return tuple(match["alias"] or match["name"] for match in matches if match)

    def text(self, start: tuple[str, str] | None) -> str:
        """The query, from the root or from the object with (type, id)."""
        steps = self.steps if start is None else (f'node(id: "{start[1]}")', f"... on {start[0]}", *self.steps)
        return "{" + "{".join(steps) + "{" + self.rest + "}" * (len(steps) + 1)


def cut(text: str) -> list[Piece] | None:
    """The pieces of a query that nests deeper than a piece; None where it does not, or is more than a chain."""
    if text.count("{") <= PIECE or '"""' in text or "#" in _LEXEME.sub(_no_string, text):
        return None
    steps, rest = _chain(text)
    if len(steps) <= PIECE:
        return None
    pieces: list[Piece] = []
    for start in range(0, len(steps), PIECE):
        part = steps[start : start + PIECE]
        pieces.append(Piece(tuple(part), "__typename id"))
    return [*pieces[:-1], Piece(pieces[-1].steps, rest)]


def nested(keys: tuple[str, ...], answer: Any) -> Any:
    """`answer` below `keys`, as a query for all of them would have it."""
    for key in reversed(keys):
        answer = {key: answer}
    return answer


def _no_string(match: re.Match[str]) -> str:
    return "" if match[0].startswith('"') else match[0]


def _chain(text: str) -> tuple[list[str], str]:
    """The steps from the root down to where a selection has several fields, and what is selected there."""
    body = text.strip()
    if body.startswith("query"):
        body = body.removeprefix("query").lstrip()
    if not body.startswith("{"):
        return [], text  # named, or with variables
    lexemes: list[str] = _LEXEME.findall(body)
    steps: list[str] = []
    current: list[str] = []
    starts: list[int] = []
    parentheses = 0
    for position, lexeme in enumerate(lexemes):
        if lexeme == "}" and parentheses == 0:
            break
        if lexeme == "{" and parentheses == 0:
            step = "".join(current)
            if position > 0:
                if not (_FIELD.fullmatch(step) or _FRAGMENT.fullmatch(step)):
                    break
                steps.append(step)
            starts.append(position + 1)
            current = []
            continue
        parentheses += (lexeme in "([") - (lexeme in ")]") if len(lexeme) == 1 else 0
        current.append(lexeme)
    return _whole(lexemes, steps, starts)


def _whole(lexemes: list[str], steps: list[str], starts: list[int]) -> tuple[list[str], str]:
    """Keep the steps whose closing braces are all at the end: after them nothing else is selected."""
    closing = 0
    for lexeme in reversed(lexemes):
        if lexeme.strip():
            if lexeme != "}":
                break
            closing += 1
    depth = min(closing - 1, len(steps))
    if depth <= 0:
        return [], ""
    tail = lexemes[starts[depth] :]
    for _ in range(depth + 1):
        while tail.pop() != "}":
            continue
    return steps[:depth], "".join(tail)
