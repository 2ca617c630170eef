"""`exit-code`: the number that a CI wrapper ends with, and a newline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gauntlet_verdict.model import Run


def write(run: Run) -> bytes:
    """Write the report."""
    return f"{run.exit_code}\n".encode()
