"""The errors of this library: one tree, caught at `VerdictError`, each with what to do next."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - part of a public signature


class VerdictError(Exception):
    """Something about a report went wrong; `remedy` says in one sentence what to do next."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class ReportError(VerdictError):
    """A tool's report is not one: empty, cut off, not of its format or of another shape.

    `tool` is the format's name, `where` the place in the report (`line 3 column 7`, `[2].location.row`), `why` the
    reason. Of the report's text only the tool's words about itself are quoted: the rest may hold a secret. `str()` is
    fit for `Verdict.reason`.
    """

    def __init__(self, tool: str, where: str, why: str) -> None:
        place = f" at {where}" if where else ""
        why = " ".join(why.split())
        super().__init__(
            f"the {tool} report cannot be read{place}: {why}",
            f"look into the stage's log for what {tool} printed; the tool crashed, or writes another format version",
        )
        self.tool = tool
        self.where = where
        self.why = why


class StoreError(VerdictError):
    """Reports could not be written: which path, why, and what to do."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(f"cannot write {path}: {why}", remedy)
        self.path = path
        self.why = why
