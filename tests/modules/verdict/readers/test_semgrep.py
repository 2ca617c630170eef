from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gauntlet_verdict import FixCategory, Location, Severity
from gauntlet_verdict.readers import ReportError, Skipped, semgrep

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_finding_has_its_rule_place_and_category(recorded: Callable[[str], bytes]) -> None:
    finding = semgrep.read(recorded("semgrep/findings.json"), prefix="gauntlet.").findings[1]
    assert finding.rule == "eval-call"
    assert finding.location == Location(path="app/orders.py", line=16, column=12, end_line=16, end_column=25)
    assert finding.severity is Severity.HIGH
    assert finding.fix is FixCategory.EDIT  # its rule says so in fix-category, in spite of a replacement


def test_a_rule_with_a_replacement_and_no_category_is_an_autofix(recorded: Callable[[str], bytes]) -> None:
    document = json.loads(recorded("semgrep/findings.json"))
    del document["results"][1]["extra"]["metadata"]["fix-category"]
    finding = semgrep.read(json.dumps(document)).findings[1]
    assert finding.fix is FixCategory.AUTOFIX
    assert finding.hint == "replace it by `ast.literal_eval($...X)`"


def test_it_counts_the_files_that_it_scanned(recorded: Callable[[str], bytes]) -> None:
    assert semgrep.read(recorded("semgrep/findings.json")).looked_at == {"files": 7}
    assert semgrep.read(recorded("semgrep/clean.json")).looked_at == {"files": 1}
    assert semgrep.read(recorded("semgrep/nothing.json")).looked_at == {"files": 0}


def test_an_ignored_file_is_deliberate_and_a_large_one_is_not(recorded: Callable[[str], bytes]) -> None:
    skipped = semgrep.read(recorded("semgrep/findings.json")).skipped
    assert Skipped("app/ignored.py", "semgrepignore_patterns_match", deliberate=True) in skipped
    assert Skipped("app/big.py", "exceeded_size_limit", deliberate=False) in skipped


def test_a_file_that_parses_in_part_is_said_once(recorded: Callable[[str], bytes]) -> None:
    broken = [skip for skip in semgrep.read(recorded("semgrep/findings.json")).skipped if skip.what == "app/broken.py"]
    assert [skip.why.partition(":")[0] for skip in broken] == ["PartialParsing"]


def test_a_name_that_is_not_utf8_was_not_scanned_whatever_semgrep_says(recorded: Callable[[str], bytes]) -> None:
    raw = recorded("semgrep/odd-names.json")
    assert len(json.loads(raw)["paths"]["scanned"]) == 3
    report = semgrep.read(raw)
    assert report.looked_at == {"files": 2}
    assert [skip.what for skip in report.unwanted] == ["caf\ufffd.py"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("semgrep/broken-rule.json", "Invalid YAML file"),
        ("semgrep/no-such-path.json", "Invalid scanning root"),
    ],
)
def test_a_run_that_could_not_start_is_no_report(recorded: Callable[[str], bytes], name: str, why: str) -> None:
    with pytest.raises(ReportError, match=why):
        semgrep.read(recorded(name))
