from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict import FixCategory
from gauntlet_verdict.readers import ruff_format

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_file_to_rewrite_is_one_autofix_with_its_command(recorded: Callable[[str], bytes]) -> None:
    finding = next(
        f for f in ruff_format.read(recorded("ruff-format/findings.json")).findings if f.rule == "unformatted"
    )
    assert finding.location is not None
    assert finding.location.path == "app/sp ace/café.py"
    assert finding.fix is FixCategory.AUTOFIX
    assert finding.hint == "`ruff format 'app/sp ace/café.py'` rewrites it"


def test_a_file_that_does_not_parse_is_a_finding_that_needs_an_edit(recorded: Callable[[str], bytes]) -> None:
    finding = next(
        f for f in ruff_format.read(recorded("ruff-format/findings.json")).findings if f.rule != "unformatted"
    )
    assert str(finding.location) == "app/broken.py:1:12"
    assert finding.fix is FixCategory.EDIT


def test_a_path_that_is_not_there_was_not_looked_at(recorded: Callable[[str], bytes]) -> None:
    report = ruff_format.read(recorded("ruff-format/findings.json"))
    assert [skip.what for skip in report.unwanted] == ["nope"]


def test_a_clean_tree_has_no_findings(recorded: Callable[[str], bytes]) -> None:
    assert ruff_format.read(recorded("ruff-format/clean.json")).findings == ()
