from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict import FixCategory, Location
from gauntlet_verdict.readers import pip_audit

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_advisory_is_a_finding_with_all_its_names_and_the_upgrade(recorded: Callable[[str], bytes]) -> None:
    report = pip_audit.read(recorded("pip-audit/findings.json"), manifest="/src/requirements.txt")
    (finding,) = report.findings
    assert finding.rule == "CVE-2099-0001"
    assert finding.message == "jinja2 3.1.2: CVE-2099-0001, GHSA-test-0001: Template injection"
    assert finding.location == Location(path="requirements.txt")
    assert finding.fix is FixCategory.DEPENDENCY
    assert finding.hint == "upgrade jinja2 to 3.1.6"
    assert report.looked_at == {"packages": 2}


def test_an_advisory_without_a_fixed_release_says_so(recorded: Callable[[str], bytes]) -> None:
    raw = recorded("pip-audit/findings.json").replace(b'["3.1.6"]', b"[]")
    assert pip_audit.read(raw).findings[0].hint == "no release of jinja2 mends it yet"


def test_another_vulnerable_version_is_the_same_finding(recorded: Callable[[str], bytes]) -> None:
    raw = recorded("pip-audit/findings.json")
    upgraded = pip_audit.read(raw.replace(b"3.1.2", b"3.1.3"))
    assert upgraded.findings[0].fingerprint == pip_audit.read(raw).findings[0].fingerprint


def test_packages_that_the_source_did_not_answer_for_are_not_counted(recorded: Callable[[str], bytes]) -> None:
    report = pip_audit.read(recorded("pip-audit/unaudited.json"))
    assert report.looked_at == {"packages": 0}
    assert report.findings == ()
    assert [skip.what for skip in report.unwanted] == ["jinja2", "markupsafe"]


def test_no_packages_count_nothing(recorded: Callable[[str], bytes]) -> None:
    assert pip_audit.read(recorded("pip-audit/nothing.json")).looked_at == {"packages": 0}
