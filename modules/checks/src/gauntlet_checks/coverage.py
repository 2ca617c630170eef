"""What pytest-cov leaves: Cobertura's XML, read and made independent of where the tests ran."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

COVERAGE = "coverage.xml"


def read_rates(path: Path) -> dict[str, float] | None:
    """The rates of lines and branches (fractions of 1) and their counts; None where there is no readable report."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - expat bounds entity expansion since 2.4.1
        return {
            "line_rate": float(root.get("line-rate", "")),
            "branch_rate": float(root.get("branch-rate", "")),
            "lines": float(root.get("lines-valid", "")),
            "branches": float(root.get("branches-valid", "")),
        }
    except (OSError, ET.ParseError, ValueError):
        return None


def relative_to(root: Path, report: Path, written: Path) -> bool:
    """Write the report with file names relative to `root`, as hosts want it that show coverage beside a change.

    coverage.py names files relative to the folder that was measured and lists these folders as sources, absolute. A
    name that fits below none of them, or outside `root`, stays as it is. Returns whether there was a report.
    """
    try:
        tree = ET.parse(report)  # noqa: S314 - see above
    except (OSError, ET.ParseError):
        return False
    sources = [root / (source.text or "").strip() for source in tree.iter("source")]
    for entry in tree.iter("class"):
        name = entry.get("filename", "")
        place = next((source / name for source in sources if (source / name).is_file()), None)
        if place is not None and place.is_relative_to(root):
            entry.set("filename", place.relative_to(root).as_posix())
    for holder in tree.iter("sources"):
        holder.clear()
        ET.SubElement(holder, "source").text = "."
    tree.write(written, encoding="utf-8", xml_declaration=True)
    return True
