"""Readers: a tool's report in, findings and counts out. One module a format, each with one function `read`.

They are pure and never silent: what is not a whole report of its format raises `ReportError`. Import only the
module that you need (`from gauntlet_verdict.readers import ruff`); this package imports none of them.
"""

from gauntlet_verdict.errors import ReportError
from gauntlet_verdict.readers.interface import Reader, Report, Skipped, numbered

__all__ = ["Reader", "Report", "ReportError", "Skipped", "numbered"]
