from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict import Location, Severity
from gauntlet_verdict.readers import Skipped, bandit

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_finding_has_its_place_confidence_and_kind_of_weakness(recorded: Callable[[str], bytes]) -> None:
    finding = next(f for f in bandit.read(recorded("bandit/findings.json")).findings if f.rule == "B608")
    assert finding.location == Location(path="app/orders.py", line=9, column=27, end_line=9, end_column=72)
    assert finding.severity is Severity.MEDIUM
    assert finding.hint == "hardcoded_sql_expressions, confidence medium, CWE-89"


def test_it_counts_files_lines_and_silenced_places(recorded: Callable[[str], bytes]) -> None:
    report = bandit.read(recorded("bandit/findings.json"))
    assert report.looked_at == {"files": 3, "lines": 18}
    assert report.metrics == {"nosec": 1.0}


def test_a_file_that_does_not_parse_was_not_looked_at(recorded: Callable[[str], bytes]) -> None:
    report = bandit.read(recorded("bandit/findings.json"))
    assert report.unwanted == (Skipped("app/broken.py", "syntax error while parsing AST from file", deliberate=False),)


def test_a_folder_that_is_not_there_counts_nothing(recorded: Callable[[str], bytes]) -> None:
    report = bandit.read(recorded("bandit/no-such-path.json"))
    assert report.looked_at == {"files": 0, "lines": 0}
    assert [skip.what for skip in report.unwanted] == ["nope"]


def test_an_empty_folder_counts_nothing(recorded: Callable[[str], bytes]) -> None:
    report = bandit.read(recorded("bandit/nothing.json"))
    assert report.looked_at["files"] == 0
    assert report.findings == ()


def test_a_name_that_is_not_utf8_keeps_its_bytes(recorded: Callable[[str], bytes]) -> None:
    report = bandit.read(recorded("bandit/odd-names.json"))
    assert "caf\udce9.py" in {finding.location.path for finding in report.findings if finding.location}


def test_a_password_that_bandit_quotes_reaches_no_finding(recorded: Callable[[str], bytes]) -> None:
    raw = recorded("bandit/hardcoded-passwords.json")
    report = bandit.read(raw)
    said = repr(report)
    assert [finding.rule for finding in report.findings] == ["B105", "B107", "B106"]
    assert {finding.message for finding in report.findings} == {"Possible hardcoded password: '…'"}
    for secret in ("hunter2", "abcd1234", "zyx987"):
        assert secret.encode() in raw
        assert secret not in said
