"""`pip-audit --strict -f json`.

It exits 0 and says "No known vulnerabilities found" when the advisory source answered for no package: those packages
are in `skipped`, and only audited ones are counted.
"""

from __future__ import annotations

from gauntlet_verdict.model import Finding, FixCategory, Location, Severity
from gauntlet_verdict.readers.document import Shape, from_json
from gauntlet_verdict.readers.interface import Report, Skipped, numbered
from gauntlet_verdict.readers.source_path import relative


class Vulnerability(Shape):
    """One advisory that holds for the installed version; no severity is given."""

    id: str
    fix_versions: list[str]
    aliases: tuple[str, ...] = ()
    description: str | None = None


class Audited(Shape):
    """A package that the source answered for."""

    name: str
    version: str
    vulns: list[Vulnerability]


class Unaudited(Shape):
    """A package that it did not."""

    name: str
    skip_reason: str


class Document(Shape):
    """The whole report."""

    dependencies: list[Audited | Unaudited]


def read(report: str | bytes, *, root: str = "/src", manifest: str | None = None) -> Report:
    """Read the report; `manifest` is the file that names the packages, as the place of the findings.

    Raises:
        ReportError: it is no such report.
    """
    document = from_json(report, "pip-audit", Document)
    where = Location(path=relative(manifest, root)) if manifest else None
    audited = [entry for entry in document.dependencies if isinstance(entry, Audited)]
    packages: dict[
        str, str
    ] = {}  # finding's message -> package: an upgrade to another vulnerable version is the same finding
    findings: list[Finding] = []
    for package in audited:
        for vulnerability in package.vulns:
            finding = _finding(package, vulnerability, where)
            packages[finding.message] = package.name
            findings.append(finding)
    return Report(
        findings=numbered(findings, basis=lambda finding: packages[finding.message]),
        looked_at={"packages": len(audited)},
        metrics={"vulnerabilities": float(len(findings))},
        skipped=tuple(
            Skipped(entry.name, entry.skip_reason, deliberate=False)
            for entry in document.dependencies
            if isinstance(entry, Unaudited)
        ),
    )


def _finding(package: Audited, vulnerability: Vulnerability, where: Location | None) -> Finding:
    names = ", ".join((vulnerability.id, *vulnerability.aliases))
    about = (vulnerability.description or "").strip().partition("\n")[0]
    fixed = ", ".join(vulnerability.fix_versions)
    return Finding(
        rule=vulnerability.id,
        severity=Severity.HIGH,
        message=f"{package.name} {package.version}: {names}" + (f": {about}" if about else ""),
        location=where,
        fix=FixCategory.DEPENDENCY,
        hint=f"upgrade {package.name} to {fixed}" if fixed else f"no release of {package.name} mends it yet",
    )
