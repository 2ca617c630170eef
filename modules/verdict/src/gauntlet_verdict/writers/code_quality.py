"""`gl-code-quality.json`: GitLab's code quality report, shown in the lines of a merge request.

The format is the part of CodeClimate's that GitLab reads: description, check_name, fingerprint, severity and location.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from gauntlet_verdict.model import Severity
from gauntlet_verdict.text import visible
from gauntlet_verdict.writers.interface import json_bytes

if TYPE_CHECKING:
    from gauntlet_verdict.model import Finding, Run

_SEVERITIES = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}
_NOWHERE = "."  # GitLab wants a path for a finding that has none


def write(run: Run) -> bytes:
    """Write the report; what does not block is `info`, whatever its severity."""
    seen: Counter[tuple[str, str]] = Counter()
    entries: list[dict[str, Any]] = []
    for verdict in run.verdicts:
        for finding in verdict.findings:
            key = (verdict.stage, finding.fingerprint)
            entries.append(_entry(verdict.stage, finding, seen[key]))
            seen[key] += 1
    return json_bytes(entries)


def _entry(stage: str, finding: Finding, occurrence: int) -> dict[str, Any]:
    where = finding.location
    # GitLab drops all but one of the entries with one fingerprint; two stages may find the same thing.
    identity = "\0".join((stage, finding.fingerprint, str(occurrence)))
    return {
        "description": finding.message or finding.rule,
        "check_name": f"{stage} {finding.rule}",
        "fingerprint": hashlib.sha256(visible(identity).encode()).hexdigest()[:32],
        "severity": _SEVERITIES[finding.severity] if finding.blocking else "info",
        "location": {
            "path": where.path if where and where.path else _NOWHERE,
            "lines": {"begin": (where.line or 1) if where else 1},
        },
    }
