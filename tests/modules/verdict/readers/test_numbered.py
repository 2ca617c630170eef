from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import from_type, lists

from gauntlet_verdict import Finding, Location, Severity
from gauntlet_verdict.readers import Report, Skipped, numbered
from gauntlet_verdict.readers.interface import MESSAGE_LIMIT


def finding(line: int, message: str = "m", path: str = "a.py") -> Finding:
    return Finding(rule="R", severity=Severity.LOW, message=message, location=Location(path=path, line=line))


def test_equal_findings_of_one_file_are_told_apart_in_file_order() -> None:
    first, second = numbered([finding(9), finding(2)])
    assert [f.location.line for f in (first, second) if f.location] == [2, 9]
    assert first.fingerprint != second.fingerprint


def test_fingerprints_survive_a_move_of_all_lines_and_of_the_lines_that_messages_name() -> None:
    before = numbered([finding(2, "redefined from line 1"), finding(9, "<x at 0x7fbc06dc0e90>")])
    after = numbered([finding(42, "redefined from line 41"), finding(49, "<x at 0x7f0000000010>")])
    assert [f.fingerprint for f in before] == [f.fingerprint for f in after]


def test_a_message_of_a_megabyte_is_clipped_and_says_by_how_much() -> None:
    (clipped,) = numbered([finding(1, "x" * 10**6)])
    assert clipped.message.endswith(f"… ({10**6 - MESSAGE_LIMIT} characters more)")


@given(lists(from_type(Finding)))
def test_every_fingerprint_is_unique_and_nothing_is_lost(findings: list[Finding]) -> None:
    result = numbered(findings)
    assert len({f.fingerprint for f in result}) == len(result) == len(findings)


@given(lists(from_type(Finding)))
def test_the_order_of_arrival_does_not_matter(findings: list[Finding]) -> None:
    key = [(f.fingerprint, f.message) for f in numbered(findings)]
    assert [(f.fingerprint, f.message) for f in numbered(reversed(findings))] == key


def test_merged_reports_keep_everything_and_add_their_counts() -> None:
    left = Report((finding(1),), {"files": 1}, {"x": 0.5}, (Skipped("a", "b", deliberate=True),))
    right = Report((finding(2),), {"files": 2, "lines": 3}, {}, (Skipped("c", "d", deliberate=False),))
    both = left.merged(right)
    assert (both.looked_at, both.metrics, len(both.findings)) == ({"files": 3, "lines": 3}, {"x": 0.5}, 2)
    assert [skip.what for skip in both.unwanted] == ["c"]
