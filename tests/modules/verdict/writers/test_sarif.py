from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_verdict import Finding, Location, Severity
from gauntlet_verdict.readers import sarif as reader
from gauntlet_verdict.writers import sarif

if TYPE_CHECKING:
    from gauntlet_verdict import Run


def stage(run: Run, name: str) -> dict[str, Any]:
    runs = json.loads(sarif.write(run))["runs"]
    return next(entry for entry in runs if entry["tool"]["driver"]["name"] == f"gauntlet {name}")


def test_a_stage_is_a_run_of_its_own_category_with_its_tools(example: Run) -> None:
    entry = stage(example, "lint:python")
    assert entry["automationDetails"]["id"] == "gauntlet/lint:python/"
    assert entry["tool"]["extensions"] == [{"name": "ruff", "version": "0.17.6"}]


def test_a_result_has_its_rule_region_level_and_fingerprint(example: Run) -> None:
    entry = stage(example, "lint:python")
    result = entry["results"][0]
    assert entry["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "F401"
    assert result["level"] == "warning"
    assert result["partialFingerprints"] == {"gauntlet/v1": example.verdicts[1].findings[0].fingerprint}
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "app/a.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 8, "endLine": 3, "endColumn": 10},
    }


def test_a_stage_without_a_conclusion_is_a_failed_invocation(example: Run) -> None:
    (invocation,) = stage(example, "security:dependency-scan")["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"] == [
        {"level": "error", "message": {"text": "the advisories are 40 days old"}}
    ]


def test_what_we_write_we_read_back(example: Run) -> None:
    findings = {(f.rule, f.message, str(f.location)) for f in reader.read(sarif.write(example)).findings}
    assert findings == {(f.rule, f.message, str(f.location)) for v in example.verdicts for f in v.findings}


@given(st.text(st.characters(exclude_categories=(), exclude_characters="\x00/"), min_size=1))
def test_any_file_name_survives_its_uri(name: str) -> None:
    finding = Finding(rule="R", severity=Severity.LOW, message="m", location=Location(path=f"d/{name}"))
    uri = sarif._physical(finding.location or Location(path=""))["artifactLocation"]["uri"]  # pyright: ignore[reportPrivateUsage]
    assert uri.isascii()
    assert ":" not in uri


@pytest.mark.parametrize("path", ["caf\udce9.py", "a b#%?.py", "new\nline.py", "C:odd.py"])
def test_odd_names_come_back_byte_for_byte(example: Run, path: str) -> None:
    finding = Finding(rule="R", severity=Severity.LOW, message="m", location=Location(path=path))
    run = example.model_copy(update={"verdicts": (example.verdicts[1].model_copy(update={"findings": (finding,)}),)})
    (back,) = reader.read(sarif.write(run)).findings
    assert back.location == Location(path=path)
