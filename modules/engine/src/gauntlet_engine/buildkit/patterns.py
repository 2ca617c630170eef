"""Include and exclude patterns with the meaning that BuildKit gives them (moby/patternmatcher).

pathspec is not used here: its patterns are git's, where a bare name matches at any depth; in these, `foo` is only
the top level's foo, `**` crosses directories, `!` takes back, and a matching directory brings what is below it.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WILD = frozenset("*[]?^\\")
# What patternmatcher takes literally. It means to do so with "{", "|" and "}" as well, but its table of bits is too
# small for them: in a pattern with wildcards they keep their meaning of a regular expression. So they do here.
_REGEX_SPECIAL = frozenset(".+()$")
_CLASSES = frozenset("dDsSwWbB")

ParentMatches = tuple[bool, ...]
"""Per pattern, whether the directory above matched it; empty where there is none."""


class Pattern:
    """One pattern. `negated` for `!…`; `text` is it without the mark, cleaned."""

    def __init__(self, text: str, *, negated: bool) -> None:
        self.text = text
        self.negated = negated
        self.matches = _compile(text)

    @property
    def fixed_prefix(self) -> str | None:
        """The path below which alone it can match, None where wildcards leave that open."""
        text = self.text.removesuffix("/**").removesuffix("/*")
        return None if _WILD.intersection(text) else text


class PatternMatcher:
    """An ordered list of patterns; the last one that matches decides. Raises ValueError for a malformed one."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = [pattern for text in patterns if (pattern := _parse(text))]
        relevant = [pattern.fixed_prefix for pattern in self.patterns if not pattern.negated]
        taken_back = [pattern.fixed_prefix for pattern in self.patterns if pattern.negated]
        self._reaches = _below(relevant)
        self._reaches_back = _below(taken_back)

    def match(self, path: str, parent: ParentMatches = ()) -> tuple[bool, ParentMatches]:
        """Whether `path` (relative, `/` between names) matches, given its directory's own result.

        Returns:
            The decision, and what to pass as `parent` for the entries of this directory.
        """
        matched = False
        own: list[bool] = []
        for index, pattern in enumerate(self.patterns):
            hit = bool(parent) and parent[index]
            if not hit and pattern.negated == matched:
                hit = pattern.matches(path)
            own.append(hit)
            if hit:
                matched = not pattern.negated
        return matched, tuple(own)

    def may_match_below(self, directory: str) -> bool:
        """Whether a positive pattern could match inside a directory that does not match itself."""
        return self._reaches(directory)

    def may_take_back_below(self, directory: str) -> bool:
        """Whether a negated pattern could match inside a directory that does match."""
        return self._reaches_back(directory)


def _below(prefixes: list[str | None]) -> Callable[[str], bool]:
    if None in prefixes:
        return lambda _: True
    fixed = tuple(f"{prefix}/" for prefix in prefixes)
    return lambda directory: any(prefix.startswith(f"{directory}/") for prefix in fixed)


def _parse(text: str) -> Pattern | None:
    text = text.strip()
    if not text:
        return None
    text = _clean(text)
    negated = text.startswith("!")
    if negated:
        text = text[1:]
        if not text:
            raise ValueError('illegal exclusion pattern: "!"')
    _check(text)
    return Pattern(text, negated=negated)


def _clean(path: str) -> str:
    """Go's filepath.Clean (posixpath keeps a leading double slash)."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _check(pattern: str) -> None:
    """Raise ValueError where Go's filepath.Match would call the pattern malformed."""
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "\\":
            if position == len(pattern):
                raise ValueError(f"syntax error in pattern {pattern!r}: nothing follows the last backslash")
            position += 1
        elif char == "[":
            position = _check_class(pattern, position)


def _check_class(pattern: str, position: int) -> int:
    if pattern[position : position + 1] == "^":
        position += 1
    members = 0
    while True:
        if members and pattern[position : position + 1] == "]":
            return position + 1
        position = _member(pattern, position)
        if pattern[position : position + 1] == "-":
            position = _member(pattern, position + 1)
        members += 1


def _member(pattern: str, position: int) -> int:
    char = pattern[position : position + 1]
    if char == "\\":
        position += 1
        char = pattern[position : position + 1]
    elif char in {"-", "]"}:
        char = ""
    # A member may not be the pattern's last character either: the class is not closed then.
    if not char or position + 1 >= len(pattern):
        raise ValueError(f"syntax error in pattern {pattern!r}: a character class is not closed or empty")
    return position + 1


def _compile(pattern: str) -> Callable[[str], bool]:
    """How patternmatcher compiles it: comparisons where it can, a regular expression where it must."""
    wild = _WILD.difference("^")  # outside of brackets it is no wildcard, only a regular expression's anchor
    if pattern.startswith("**") and not wild.intersection(rest := pattern[2:]):
        return lambda path: path.endswith(rest) or (rest.startswith("/") and path == rest[1:])
    if pattern.endswith("**") and not wild.intersection(start := pattern[:-2]):
        return lambda path: path.startswith(start)
    if not wild.intersection(pattern):
        return lambda path: path == pattern
    try:
        regex = re.compile(_classes_made_python(_regex(pattern)), re.ASCII)
    except re.error as error:
        raise ValueError(f"syntax error in pattern {pattern!r}: {error}") from error
    return lambda path: regex.search(path) is not None


def _regex(pattern: str) -> str:
    """The Go regular expression that patternmatcher makes of a pattern, character by character."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "\\" and position < len(pattern):
            escaped = pattern[position]
            out.append(f"\\{escaped}" if escaped in _CLASSES else re.escape(escaped))
            position += 1
        elif char == "*" and pattern[position : position + 1] == "*":
            position += 1
            if pattern[position : position + 1] == "/":
                position += 1
            out.append("(.*/)?" if position < len(pattern) else ".*")
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        else:
            out.append(f"\\{char}" if char in _REGEX_SPECIAL or char == "\\" else char)
    return "^" + "".join(out) + r"\Z"


def _classes_made_python(regex: str) -> str:
    """The same expression for Python, which reserves some characters inside of brackets that Go does not."""
    out: list[str] = []
    position = 0
    inside = False
    while position < len(regex):
        char = regex[position]
        position += 1
        if char == "\\":
            out.append(regex[position - 1 : position + 1])
            position += 1
        elif not inside and char == "[":
            inside = True
            start = "^" if regex.startswith("^", position) else ""
            position += len(start)
            out.append(char + start)
            if regex.startswith("]", position):
                out.append("\\]")
                position += 1
        elif inside:
            out.append(f"\\{char}" if char in "[&~|" else char)
            inside = char != "]"
        else:
            out.append(char)
    return "".join(out)
