"""`coverage xml` and other Cobertura reports: how much of the code ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict.errors import ReportError
from gauntlet_verdict.readers.document import from_xml
from gauntlet_verdict.readers.interface import Report
from gauntlet_verdict.readers.source_path import relative

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TOOL = "coverage"


def read(report: str | bytes, *, root: str = "/src") -> Report:
    """Read the report: counts of files and lines, rates as fractions of 1.

    Lines are counted from the report's own list of lines, since its rounded rates can't be added up.

    Raises:
        ReportError: it is no such report, or its summary contradicts its list.
    """
    tree = from_xml(report, _TOOL)
    if tree.tag != "coverage":
        raise ReportError(_TOOL, "line 1", f"its first element is <{tree.tag}>, not <coverage>")
    files = {relative(_attribute(entry, "filename"), root) for entry in tree.iter("class")}
    lines = list(tree.iterfind("./packages/package/classes/class/lines/line"))
    covered = sum(_number(line, "hits") > 0 for line in lines)
    stated = tree.get("lines-valid")
    if stated is not None and _number(tree, "lines-valid") != len(lines):
        raise ReportError(_TOOL, "lines-valid", f"it says {stated} lines and lists {len(lines)}")
    metrics = {"lines_valid": float(len(lines)), "lines_covered": float(covered)}
    if lines:
        metrics["line_rate"] = covered / len(lines)
    branches = _number(tree, "branches-valid") if tree.get("branches-valid") else 0
    if branches:
        taken = _number(tree, "branches-covered")
        metrics |= {
            "branches_valid": float(branches),
            "branches_covered": float(taken),
            "branch_rate": taken / branches,
        }
    return Report(looked_at={"files": len(files), "lines": len(lines)}, metrics=metrics)


def _attribute(element: Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise ReportError(_TOOL, f"<{element.tag}>", f"it has no {name}")
    return value


def _number(element: Element, name: str) -> int:
    try:
        return int(_attribute(element, name))
    except ValueError:
        raise ReportError(_TOOL, f"<{element.tag} {name}>", "it is not a whole number") from None
