from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gauntlet_verdict.writers import code_quality

if TYPE_CHECKING:
    from gauntlet_verdict import Run


def test_an_entry_has_the_fields_that_gitlab_reads(example: Run) -> None:
    entry = json.loads(code_quality.write(example))[0]
    assert entry.pop("fingerprint")
    assert entry == {
        "description": "`os` imported but unused",
        "check_name": "lint:python F401",
        "severity": "major",
        "location": {"path": "app/a.py", "lines": {"begin": 3}},
    }


def test_what_does_not_block_is_info(example: Run) -> None:
    entries = json.loads(code_quality.write(example))
    assert [entry["severity"] for entry in entries if entry["check_name"] == "lint:python N801"] == ["info"]


def test_the_same_finding_of_two_stages_is_two_entries(example: Run) -> None:
    verdict = example.verdicts[1]
    twice = example.model_copy(update={"verdicts": (verdict, verdict.model_copy(update={"stage": "lint:other"}))})
    entries = json.loads(code_quality.write(twice))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == 2 * len(verdict.findings)


def test_a_fingerprint_stays_when_the_line_moves(example: Run) -> None:
    verdict = example.verdicts[1]
    moved = tuple(
        f.model_copy(update={"location": f.location.model_copy(update={"line": 99})}) if f.location else f
        for f in verdict.findings
    )
    run = example.model_copy(update={"verdicts": (verdict.model_copy(update={"findings": moved}),)})
    before = [e["fingerprint"] for e in json.loads(code_quality.write(example)) if e["check_name"].startswith("lint:")]
    assert [entry["fingerprint"] for entry in json.loads(code_quality.write(run))] == before
