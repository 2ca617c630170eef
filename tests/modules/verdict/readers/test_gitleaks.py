from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gauntlet_verdict import FixCategory, Severity
from gauntlet_verdict.readers import ReportError, gitleaks

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = "gitleaks/all.json"
HEEDING = "gitleaks/heeding-allow.json"


def secrets_in(report: bytes) -> list[str]:
    return [leak["Secret"] for leak in json.loads(report)]


@pytest.mark.parametrize("name", [ALL, "gitleaks/git.json"])
def test_the_secret_never_leaves_the_reader(recorded: Callable[[str], bytes], name: str) -> None:
    raw = recorded(name)
    said = repr(gitleaks.read(raw, baseline=raw))
    assert [secret for secret in secrets_in(raw) if secret in said] == []
    assert len(secrets_in(raw)) > 0


def test_a_broken_report_does_not_quote_the_secret(recorded: Callable[[str], bytes]) -> None:
    leaks = json.loads(recorded(ALL))
    leaks[0]["StartLine"] = leaks[0]["Secret"]
    with pytest.raises(ReportError) as caught:
        gitleaks.read(json.dumps(leaks))
    assert caught.value.where == "[0].StartLine"
    assert leaks[0]["Secret"] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_two_secrets_of_one_rule_in_one_file_are_two_findings(recorded: Callable[[str], bytes]) -> None:
    report = gitleaks.read(recorded(ALL))
    assert [str(finding.location) for finding in report.findings if finding.rule == "github-pat"] == [
        "app/config.py:2:11",
        "app/config.py:3:12",
    ]
    assert len({finding.fingerprint for finding in report.findings}) == 3


def test_columns_point_at_the_secret_in_the_first_and_in_later_lines(recorded: Callable[[str], bytes]) -> None:
    lines = [
        'AWS_KEY = "AKIAQ3EGUPZ7WLBN5XJ2"',
        'GITHUB = "ghp_x7Kq2mW9vRtY4bN8cZ1aL5pD3fG6hJ0sUeXo"',
        'ALLOWED = "ghp_a8Lr3nX0wSuZ5cO9dA2bM6qE4gH7iK1tVfYp"  # gitleaks:allow',
    ]
    places = [finding.location for finding in gitleaks.read(recorded(ALL)).findings]
    shown = [
        lines[place.line - 1][place.column - 1 : place.end_column - 1]
        for place in places
        if place and place.line and place.column and place.end_column
    ]
    assert sorted(shown) == sorted(secrets_in(recorded(ALL)))


def test_a_new_secret_blocks_and_says_what_to_do(recorded: Callable[[str], bytes]) -> None:
    report = gitleaks.read(recorded(HEEDING))
    assert {(f.severity, f.fix, f.blocking) for f in report.findings} == {(Severity.CRITICAL, FixCategory.SECRET, True)}
    assert all(finding.hint and "revoke" in finding.hint for finding in report.findings)


def test_a_secret_of_the_baseline_is_shown_and_does_not_block_wherever_it_moved(
    recorded: Callable[[str], bytes],
) -> None:
    moved = json.loads(recorded(HEEDING))
    for leak in moved:
        leak["StartLine"] += 40
        leak["EndLine"] += 40
    report = gitleaks.read(recorded(ALL), baseline=json.dumps(moved))
    assert [finding.blocking for finding in report.findings] == [False, False, True]
    assert report.metrics == {"secrets": 3.0, "new": 1.0}
    assert "known in the baseline" in report.findings[0].message


def test_another_secret_in_the_line_of_a_known_one_blocks(recorded: Callable[[str], bytes]) -> None:
    other = json.loads(recorded(ALL))
    for leak in other:
        leak["Secret"] += "x"
    assert len(gitleaks.read(json.dumps(other), baseline=recorded(ALL)).blocking) == 3


def test_a_redacted_baseline_recognises_by_rule_file_and_line(recorded: Callable[[str], bytes]) -> None:
    report = gitleaks.read(recorded(ALL), baseline=recorded("gitleaks/redacted.json"))
    assert [str(finding.location) for finding in report.blocking] == ["app/config.py:3:12"]


def test_paths_of_the_container_match_a_baseline_with_relative_ones(recorded: Callable[[str], bytes]) -> None:
    relative = recorded(ALL).replace(b'"/src/', b'"')
    assert relative != recorded(ALL)
    assert gitleaks.read(recorded(ALL), baseline=relative).blocking == ()


def test_an_allow_comment_is_reported_and_does_not_block(recorded: Callable[[str], bytes]) -> None:
    report = gitleaks.read(recorded(ALL), heeding_allow=recorded(HEEDING))
    allowed = [finding for finding in report.findings if not finding.blocking]
    assert [str(finding.location) for finding in allowed] == ["app/config.py:3:12"]
    assert "allowed by a comment" in allowed[0].message


def test_a_secret_in_the_history_names_its_commit(recorded: Callable[[str], bytes]) -> None:
    (finding,) = gitleaks.read(recorded("gitleaks/git.json")).findings
    commit = json.loads(recorded("gitleaks/git.json"))[0]["Commit"]
    assert f"in commit {commit[:12]}" in finding.message


def test_a_clean_tree_has_no_findings(recorded: Callable[[str], bytes]) -> None:
    assert gitleaks.read(recorded("gitleaks/clean.json")).findings == ()


def test_an_empty_baseline_is_an_error_and_not_an_amnesty(recorded: Callable[[str], bytes]) -> None:
    with pytest.raises(ReportError, match="gitleaks baseline report cannot be read: it is empty"):
        gitleaks.read(recorded(ALL), baseline=b"")
