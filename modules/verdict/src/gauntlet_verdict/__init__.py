"""Gauntlet's result model, its readers (tool formats to findings) and writers (to report formats)."""

from gauntlet_verdict.model import (
    SCHEMA_VERSION,
    Confinement,
    Finding,
    FixCategory,
    Location,
    Run,
    Severity,
    Status,
    Verdict,
    fingerprint_of,
)

__all__ = [
    "SCHEMA_VERSION",
    "Confinement",
    "Finding",
    "FixCategory",
    "Location",
    "Run",
    "Severity",
    "Status",
    "Verdict",
    "fingerprint_of",
]
