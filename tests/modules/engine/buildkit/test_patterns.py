import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.buildkit.patterns import PatternMatcher

# Made by asking moby/patternmatcher v0.6.1 itself (MatchesOrParentMatches) about random patterns and paths.
ORACLE = json.loads((Path(__file__).parents[3] / "data" / "patternmatcher.json").read_text())


def matches(patterns: list[str], path: str) -> bool:
    """As a walk asks: from the top down, each level knowing its parent's result."""
    matcher = PatternMatcher(patterns)
    parts = path.split("/")
    result, state = False, ()
    for depth in range(len(parts)):
        result, state = matcher.match("/".join(parts[: depth + 1]), state)
    return result


@pytest.mark.parametrize("case", ORACLE, ids=lambda case: " ".join(case["patterns"]))
def test_patterns_mean_what_they_mean_to_buildkit(case: dict[str, dict[str, bool]]) -> None:
    patterns = list(case["patterns"])
    assert {path: matches(patterns, path) for path in case["matches"]} == case["matches"]


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["foo"], "foo", True),
        (["foo"], "foo/below/it", True),
        (["foo"], "deeper/foo", False),
        (["**/foo"], "deeper/foo", True),
        (["**/*.py"], "a/b/c.py", True),
        (["*.py"], "a/c.py", False),
        (["a/*"], "a/b/c", True),
        (["a/**"], "a", False),
        (["a", "!a/b"], "a/b/c", False),
        (["a", "!a/b", "a/b/c"], "a/b/c", True),
        (["  a  "], "a", True),
        (["./a/../b/"], "b", True),
        (["/a"], "a", False),
        (["a.c"], "abc", False),
        (["[a-c]x"], "bx", True),
        (["[^a]x"], "bx", True),
        (["\\*"], "*", True),
        (["a?c"], "a/c", False),
    ],
)
def test_the_rules_that_people_rely_on(patterns: list[str], path: str, expected: bool) -> None:
    assert matches(patterns, path) is expected


@pytest.mark.parametrize("pattern", ["[", "[a", "a[]", "[a-]", "\\", "!", "x/[^"])
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        PatternMatcher([pattern])


@given(
    st.lists(st.text("ab*?/!.[]\\^", min_size=1, max_size=8), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a", "b", "ab", "a.b"]), min_size=2, max_size=4),
)
def test_a_directory_is_only_skipped_where_nothing_below_can_match(patterns: list[str], parts: list[str]) -> None:
    try:
        matcher = PatternMatcher(patterns)
    except ValueError:
        return
    directory, below = parts[0], "/".join(parts)
    if matches(patterns, below) and not matches(patterns, directory):
        assert matcher.may_match_below(directory)
    if matches(patterns, directory) and not matches(patterns, below):
        assert matcher.may_take_back_below(directory)
