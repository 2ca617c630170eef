from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet_verdict import FixCategory
from gauntlet_verdict.readers import ReportError, junit

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_verdict import Finding

ORDERS = "test:tests.test_orders::"


def by_rule(report: bytes) -> dict[str, Finding]:
    return {finding.rule: finding for finding in junit.read(report).findings}


def test_it_counts_tests_by_outcome_and_as_looked_at_those_that_ran(recorded: Callable[[str], bytes]) -> None:
    report = junit.read(recorded("junit/findings.xml"))
    assert report.looked_at == {"tests": 11}
    counts = {name: report.metrics[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 13.0, "failures": 6.0, "errors": 3.0, "skipped": 2.0}
    assert report.metrics["time_s"] > 0


def test_no_tests_count_nothing(recorded: Callable[[str], bytes]) -> None:
    assert junit.read(recorded("junit/nothing.xml")).looked_at == {"tests": 0}


def test_a_failure_is_placed_where_it_was_raised_in_the_tree(recorded: Callable[[str], bytes]) -> None:
    finding = by_rule(recorded("junit/findings.xml"))[f"{ORDERS}test_fails_in_a_helper"]
    assert str(finding.location) == "tests/test_orders.py:20"
    assert finding.fix is FixCategory.TEST


def test_a_failure_tells_its_assertion_first_and_its_traceback_after(recorded: Callable[[str], bytes]) -> None:
    message = by_rule(recorded("junit/findings.xml"))[f"{ORDERS}test_fails_in_a_helper"].message
    first, *rest = message.splitlines()
    assert first == "failed: AssertionError: double(2) is wrong & <odd> #x1B[31mred#x1B[0m #x00"
    assert "E        +  where 4 = double(2)" in rest


def test_errors_in_setup_teardown_and_collection_are_findings(recorded: Callable[[str], bytes]) -> None:
    findings = by_rule(recorded("junit/findings.xml"))
    assert str(findings[f"{ORDERS}test_errors_in_setup"].location) == "tests/test_orders.py:10"
    assert str(findings[f"{ORDERS}test_errors_in_teardown"].location) == "tests/test_orders.py:16"
    assert str(findings["test:tests.test_import"].location) == "tests/test_import.py:1"


def test_a_failure_without_a_traceback_is_placed_in_its_file(recorded: Callable[[str], bytes]) -> None:
    strict = f"{ORDERS}test_strict_xfail"
    assert str(by_rule(recorded("junit/findings.xml"))[strict].location) == "tests/test_orders.py"
    assert str(by_rule(recorded("junit/xunit1-native.xml"))[strict].location) == "tests/test_orders.py:44"


def test_the_tracebacks_of_python_itself_are_placed_too(recorded: Callable[[str], bytes]) -> None:
    finding = by_rule(recorded("junit/xunit1-native.xml"))[f"{ORDERS}test_fails_in_a_helper"]
    assert str(finding.location) == "tests/test_orders.py:20"


def test_a_long_traceback_keeps_its_head_and_its_end(recorded: Callable[[str], bytes]) -> None:
    report = junit.read(recorded("junit/xunit1-native.xml"), text_lines=9)
    lines = report.findings[0].message.splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[4].startswith("… (")
    assert lines[-1].strip() == "+  where 4 = double(2)"
    assert len(lines) == 1 + 9 + 1


def test_a_failure_keeps_its_fingerprint_when_its_values_change(recorded: Callable[[str], bytes]) -> None:
    raw = recorded("junit/findings.xml")
    moved = raw.replace(b"tests/test_orders.py:20", b"tests/test_orders.py:25").replace(
        b"assert 4 == 5", b"assert 6 == 5"
    )
    name = f"{ORDERS}test_fails_in_a_helper"
    assert by_rule(moved)[name].message != by_rule(raw)[name].message
    assert by_rule(moved)[name].fingerprint == by_rule(raw)[name].fingerprint


def test_skipped_and_expectedly_failing_tests_are_named_with_their_reason(recorded: Callable[[str], bytes]) -> None:
    skipped = junit.read(recorded("junit/findings.xml")).skipped
    assert [(skip.what.rpartition("::")[2], skip.why, skip.deliberate) for skip in skipped] == [
        ("test_skipped", "not on this machine", True),
        ("test_xfail", "known", True),
    ]


def test_a_javascript_failure_is_placed_at_its_deepest_frame(recorded: Callable[[str], bytes]) -> None:
    findings = by_rule(recorded("junit/vitest.xml"))
    assert str(findings["test:src/add.test.ts::add > throws"].location) == "src/add.ts:2"
    assert str(findings["test:src/add.test.ts::add > is wrong"].location) == "src/add.test.ts:7"


def test_a_report_that_counts_more_failures_than_it_shows_is_refused(recorded: Callable[[str], bytes]) -> None:
    hidden = recorded("junit/clean.xml").replace(b'failures="0"', b'failures="1"')
    with pytest.raises(ReportError, match="counts 1 failed tests and shows 0"):
        junit.read(hidden)


def test_nested_suites_are_counted_once() -> None:
    report = junit.read(
        '<testsuites><testsuite failures="1"><testsuite failures="1" name="inner">'
        '<testcase name="a"><failure message="no"/></testcase><testcase name="b"/></testsuite></testsuite></testsuites>'
    )
    assert report.looked_at == {"tests": 2}
    assert len(report.findings) == 1


def test_a_test_that_fails_and_breaks_in_its_teardown_is_two_findings() -> None:
    report = junit.read(
        '<testsuite><testcase classname="tests.test_a" name="t"><failure message="no"/><error message="oh"/></testcase>'
        "</testsuite>"
    )
    assert [finding.message for finding in report.findings] == ["broke: oh", "failed: no"]
    assert len({finding.fingerprint for finding in report.findings}) == 2
    assert report.looked_at == {"tests": 1}


def test_a_megabyte_in_one_line_is_clipped() -> None:
    report = junit.read(
        f'<testsuite><testcase name="t"><failure message="{"x" * 10**6}">{"y" * 10**6}</failure></testcase></testsuite>'
    )
    assert len(report.findings[0].message) < 5000


def test_entities_that_blow_up_are_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]><testsuite name="&y;"/>'
    with pytest.raises(ReportError, match="could do harm"):
        junit.read(bomb)


def test_a_report_that_pytest_could_not_finish_is_no_report(recorded: Callable[[str], bytes]) -> None:
    with pytest.raises(ReportError, match="no XML: no element found"):
        junit.read(recorded("junit/cut-off.xml"))


def test_another_xml_is_no_report(recorded: Callable[[str], bytes]) -> None:
    with pytest.raises(ReportError, match="<coverage>, not <testsuites>"):
        junit.read(recorded("coverage/branches.xml"))
