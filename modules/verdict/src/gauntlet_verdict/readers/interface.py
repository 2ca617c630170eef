"""What every reader returns, and how findings get fingerprints that survive line moves."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from gauntlet_verdict.model import fingerprint_of
from gauntlet_verdict.text import clipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gauntlet_verdict.model import Finding

Number = TypeVar("Number", int, float)

MESSAGE_LIMIT = 4000  # characters; ruff quotes a name of a megabyte when the source has one
# Parts of a message that change while the finding stays the same: "from line 12", "<object at 0x7fbc06dc0e90>".
_MOVING = re.compile(r"\blines? \d+(?:-\d+)?|0x[0-9a-fA-F]{6,}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that a tool did not look at, and why.

    `deliberate` is True where the project said so (an ignore file, a skip marker) and False where the tool failed or
    gave up on it (a syntax error, a time limit, no advisory data): then a green result proves less than it seems to.
    """

    what: str
    why: str
    deliberate: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One report, read.

    `looked_at` counts what the report itself says was examined, by noun; it is empty for formats without a count
    (ruff, gitleaks), whose stages count their inputs. `metrics` are plain numbers by name. Both have the shape of
    the fields of `Verdict` with these names.
    """

    findings: tuple[Finding, ...] = ()
    looked_at: dict[str, int] = field(default_factory=dict[str, int])
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    skipped: tuple[Skipped, ...] = ()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that hold a change back."""
        return tuple(finding for finding in self.findings if finding.blocking)

    @property
    def unwanted(self) -> tuple[Skipped, ...]:
        """What the tool failed to look at, as against what the project left out on purpose."""
        return tuple(skip for skip in self.skipped if not skip.deliberate)

    def merged(self, other: Report) -> Report:
        """Both reports as one; counts and metrics of one name are added."""
        return Report(
            findings=self.findings + other.findings,
            looked_at=_added(self.looked_at, other.looked_at),
            metrics=_added(self.metrics, other.metrics),
            skipped=self.skipped + other.skipped,
        )


class Reader(Protocol):
    """What each module's `read` is: `root` is the folder in the container that paths are made relative to."""

    def __call__(self, report: str | bytes, *, root: str = "/src") -> Report:
        """Read one report.

        Raises:
            ReportError: it is empty, cut off, or not of this format.
        """
        ...


def stable_message(finding: Finding) -> str:
    """The finding's message without line numbers and addresses."""
    return _MOVING.sub("", finding.message)


def numbered(findings: Iterable[Finding], basis: Callable[[Finding], str] = stable_message) -> tuple[Finding, ...]:
    """Sort findings by place and give each a fingerprint of its own that survives line moves.

    `basis` is the text that identifies a finding beside its rule and path; equal ones are counted in file order.
    Over-long messages are clipped to `MESSAGE_LIMIT`.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    result: list[Finding] = []
    for finding in sorted(findings, key=_place):
        key = (finding.rule, finding.location.path if finding.location else "", basis(finding))
        fingerprint = fingerprint_of(*key, seen[key])
        seen[key] += 1
        message = clipped(finding.message, MESSAGE_LIMIT)
        result.append(finding.model_copy(update={"fingerprint": fingerprint, "message": message}))
    return tuple(result)


def _place(finding: Finding) -> tuple[str, int, int, str, str]:
    where = finding.location
    if where is None:
        return ("", 0, 0, finding.rule, finding.message)
    return (where.path, where.line or 0, where.column or 0, finding.rule, finding.message)


def _added(left: dict[str, Number], right: dict[str, Number]) -> dict[str, Number]:
    total = dict(left)
    for name, number in right.items():
        total[name] = total[name] + number if name in total else number
    return total
