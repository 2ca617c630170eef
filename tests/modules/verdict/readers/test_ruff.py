from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict import FixCategory, Location, Severity
from gauntlet_verdict.readers import ruff

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_verdict import Finding
    from gauntlet_verdict.readers import Report


def one(report: Report, rule: str) -> Finding:
    return next(finding for finding in report.findings if finding.rule == rule)


def test_a_finding_has_its_rule_place_and_page(recorded: Callable[[str], bytes]) -> None:
    finding = one(ruff.read(recorded("ruff/findings.json")), "E722")
    assert finding.location == Location(path="app/orders.py", line=10, column=5, end_line=10, end_column=11)
    assert finding.message == "Do not use bare `except`"
    assert finding.fix is FixCategory.EDIT
    assert finding.hint is None
    assert finding.url is not None
    assert finding.url.endswith("/bare-except")


def test_a_safe_fix_is_an_autofix_with_its_command(recorded: Callable[[str], bytes]) -> None:
    finding = one(ruff.read(recorded("ruff/findings.json")), "F401")
    assert finding.fix is FixCategory.AUTOFIX
    assert finding.hint == "Remove unused import: `os`: `ruff check --fix` does it"


def test_an_unsafe_fix_is_an_edit_with_a_warning(recorded: Callable[[str], bytes]) -> None:
    finding = one(ruff.read(recorded("ruff/findings.json")), "F841")
    assert finding.fix is FixCategory.EDIT
    assert finding.hint is not None
    assert "may change the meaning" in finding.hint


def test_a_file_that_does_not_parse_weighs_more_than_a_style_rule(recorded: Callable[[str], bytes]) -> None:
    report = ruff.read(recorded("ruff/findings.json"))
    assert one(report, "invalid-syntax").severity is Severity.HIGH
    assert one(report, "F401").severity is Severity.MEDIUM


def test_findings_are_in_the_order_of_the_files(recorded: Callable[[str], bytes]) -> None:
    places = [finding.location for finding in ruff.read(recorded("ruff/findings.json")).findings]
    assert [str(place) for place in places][:4] == [
        "app/broken.py:1:12", "app/broken.py:2:1", "app/orders.py:1:8", "app/orders.py:7:5",
    ]  # fmt: skip


def test_a_clean_tree_has_no_findings_and_no_count_of_its_own(recorded: Callable[[str], bytes]) -> None:
    report = ruff.read(recorded("ruff/clean.json"))
    assert (report.findings, report.looked_at, report.skipped) == ((), {}, ())


def test_a_path_that_is_not_there_is_not_looked_at_rather_than_found_wrong(recorded: Callable[[str], bytes]) -> None:
    report = ruff.read(recorded("ruff/no-such-path.json"))
    assert report.findings == ()
    assert [(skip.what, skip.deliberate) for skip in report.skipped] == [("nope", False)]


def test_names_with_newlines_spaces_and_percent_signs_stay_what_they_are(recorded: Callable[[str], bytes]) -> None:
    report = ruff.read(recorded("ruff/odd-names.json"))
    paths = {finding.location.path for finding in report.findings if finding.location}
    assert {"new\nline.py", "naïve #1%.py"} < paths
