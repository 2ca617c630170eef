"""The result model: what a stage found, as frozen data that every reader makes and every writer reads."""

from __future__ import annotations

import hashlib
from datetime import datetime  # noqa: TC003 - pydantic resolves the annotation at run time
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

SCHEMA_VERSION = "1"


class Status(StrEnum):
    """How a stage ended; only PASS, WARN and SKIP let a change through."""

    PASS = "PASS"  # noqa: S105 - a status, not a password
    FAIL = "FAIL"
    WARN = "WARN"
    SKIP = "SKIP"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"


class Severity(StrEnum):
    """How much a finding weighs, in SARIF's and GitLab's common words."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class FixCategory(StrEnum):
    """What kind of act mends a finding; an agent routes by it."""

    AUTOFIX = "autofix"  # a tool can rewrite it: the finding says which command
    EDIT = "edit"  # change the code at the location
    TEST = "test"  # a test fails, or is missing
    DEPENDENCY = "dependency"  # upgrade, add or lock a package
    SECRET = "secret"  # noqa: S105 - rotate and remove
    CONFIGURATION = "configuration"  # change gauntlet.yaml or a tool's settings
    ENVIRONMENT = "environment"  # the machine or its network, not the change


class Frozen(BaseModel):
    """Base of every value here: immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Location(Frozen):
    """A place in the source: POSIX path relative to the source's root, lines and columns counted from 1."""

    path: str
    line: Annotated[int, Field(ge=1)] | None = None
    column: Annotated[int, Field(ge=1)] | None = None
    end_line: Annotated[int, Field(ge=1)] | None = None
    end_column: Annotated[int, Field(ge=1)] | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


class Finding(Frozen):
    """One thing to fix: which rule, how bad, what, where and how.

    `fingerprint` identifies it across runs and line moves (see `fingerprint_of`); `blocking` is False for what is
    shown but lets the change through (a baselined secret, an allow-comment, a downgraded advisory).
    """

    rule: str
    severity: Severity
    message: str
    location: Location | None = None
    fix: FixCategory = FixCategory.EDIT
    hint: str | None = None
    url: str | None = None
    blocking: bool = True
    fingerprint: str = ""

    @model_validator(mode="after")
    def _fill_fingerprint(self) -> Self:
        if not self.fingerprint:
            path = self.location.path if self.location else ""
            object.__setattr__(self, "fingerprint", fingerprint_of(self.rule, path, self.message))
        return self


class Confinement(Frozen):
    """The limits that were in force for the stage's code: seconds, bytes, counts; None where none was set."""

    network: str = "bridge"
    timeout_s: FiniteFloat | None = None
    memory_bytes: int | None = None
    pids: int | None = None


class Verdict(Frozen):
    """What one stage concluded, what it looked at, and what it needs to be believed.

    `looked_at` counts what was examined (files, tests, packages, ...). A PASS, WARN or FAIL that counted nothing is
    refused here, so that "exit 0" can never by itself be a PASS. `reason` says in one sentence why; it is required
    for every status but PASS and FAIL. `log` and the keys of `evidence` are paths of files beside run.json; the values
    of `evidence` are their digests (`sha256:` and hex).
    """

    stage: str
    status: Status
    reason: str = ""
    looked_at: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()
    metrics: dict[str, FiniteFloat] = {}
    duration_s: FiniteFloat = 0.0
    cached: bool = False
    attempts: int = 1
    tools: dict[str, str] = {}
    inputs: dict[str, str] = {}
    image: dict[str, str] = {}
    confinement: Confinement | None = None
    controls: tuple[str, ...] = ()
    rerun: str = ""
    log: str = ""
    evidence: dict[str, str] = {}

    @model_validator(mode="after")
    def _is_honest(self) -> Self:
        counted = sum(self.looked_at.values())
        if self.status in {Status.PASS, Status.WARN} and counted == 0:
            raise ValueError(
                f"{self.stage}: a {self.status} that looked at nothing; say SKIP (nothing here to check) "
                "or INCONCLUSIVE (it could not look)"
            )
        blocking = [finding for finding in self.findings if finding.blocking]
        if self.status is Status.PASS and blocking:
            raise ValueError(f"{self.stage}: a PASS with {len(blocking)} blocking finding(s)")
        if self.status is Status.FAIL and not blocking:
            raise ValueError(f"{self.stage}: a FAIL without a blocking finding")
        if self.status not in {Status.PASS, Status.FAIL} and not self.reason:
            raise ValueError(f"{self.stage}: {self.status} needs a reason")
        return self


class Run(Frozen):
    """One run of a tier: every verdict, and what was run on what by what."""

    schema_version: str = SCHEMA_VERSION
    tier: str
    started_at: datetime
    duration_s: FiniteFloat
    source: dict[str, str] = {}
    engine: dict[str, str] = {}
    gauntlet: str
    interrupted: bool = False
    not_run: dict[str, str] = {}
    verdicts: tuple[Verdict, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 findings, 3 infrastructure, inconclusive, interrupted or nothing examined at all."""
        statuses = {verdict.status for verdict in self.verdicts}
        if Status.FAIL in statuses:
            return 1
        if self.interrupted or statuses & {Status.ERROR, Status.TIMEOUT, Status.INCONCLUSIVE}:
            return 3
        # All skipped is no evidence (airbyte-ci reports that as success; we do not).
        return 0 if statuses & {Status.PASS, Status.WARN} else 3


def fingerprint_of(rule: str, path: str, message: str, occurrence: int = 0) -> str:
    """Identify a finding independently of its line, as hex of 32 characters.

    `occurrence` tells equal findings of one file apart, counted in file order (the idea of SARIF's
    partialFingerprints, SARIF 2.1.0 section 3.27.17).
    """
    text = "\0".join((rule, path, message, str(occurrence)))
    # surrogatepass: any text may come from a tool, and escapes of undecodable bytes are surrogates too.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
