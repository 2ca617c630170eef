"""`report.html`: one file for people, without a script or anything from elsewhere."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from gauntlet_verdict.model import Severity
from gauntlet_verdict.text import visible_in_xml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gauntlet_verdict.model import Finding, Run, Verdict

_FIRST = 3  # findings of a stage that are seen without a click
_LIMIT = 1000  # findings of a stage on the page; run.json has all
_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_HEADLINES = {0: "Everything passed", 1: "Findings hold this change back", 3: "No conclusion: not everything was seen"}

# Files that lie beside the page, as the store names them.
_BESIDE = re.compile(r"(logs|evidence/[A-Za-z0-9._-]+)/[A-Za-z0-9._-]+")

_STYLE = """
:root{color-scheme:light dark;--line:#8883;--soft:#8881;--good:#1a7f37;--bad:#cf222e;--odd:#9a6700;--dim:#6e7781}
@media(prefers-color-scheme:dark){:root{--good:#3fb950;--bad:#ff7b72;--odd:#d29922;--dim:#8b949e}}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.about{color:var(--dim);margin:.25rem 0 1.25rem}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:600;font-size:.85rem}
td:first-child{white-space:nowrap}td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code,pre{font-family:ui-monospace,monospace;font-size:.87em;overflow-wrap:anywhere}
pre{white-space:pre-wrap;background:var(--soft);padding:.5rem .7rem;margin:.35rem 0;border-radius:4px}
.status{font-weight:600;white-space:nowrap}
.PASS{color:var(--good)}.FAIL,.ERROR,.TIMEOUT{color:var(--bad)}.WARN,.INCONCLUSIVE{color:var(--odd)}
.SKIP,.dim{color:var(--dim)}
ul{list-style:none;padding:0;margin:.25rem 0}li{margin:.5rem 0}
summary{cursor:pointer;color:var(--dim)}
"""


def write(run: Run) -> bytes:
    """Write the report."""
    title = _HEADLINES[run.exit_code]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<title>{_text(f'gauntlet {run.tier}: {title}')}</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{_headline_class(run)}">{_text(title)}</h1>',
        f'<p class="about">{_text(_about(run))}</p>',
        _table(run),
        *(_stage(verdict) for verdict in run.verdicts if verdict.findings),
        "</body></html>\n",
    ]
    return "\n".join(parts).encode()


def _headline_class(run: Run) -> str:
    return {0: "PASS", 1: "FAIL"}.get(run.exit_code, "INCONCLUSIVE")


def _about(run: Run) -> str:
    facts = [
        f"tier {run.tier}",
        f"{run.started_at:%Y-%m-%d %H:%M:%S %Z}".strip(),
        f"{run.duration_s:.1f} s",
        *(f"{name} {value}" for name, value in sorted(run.source.items())),
        *(f"engine {name} {value}" for name, value in sorted(run.engine.items())),
        f"gauntlet {run.gauntlet}",
        f"exit code {run.exit_code}",
    ]
    if run.interrupted:
        facts.append("interrupted")
    return " · ".join(facts)


def _table(run: Run) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("Stage", "Status", "Findings", "Looked at", "Seconds", "Why"))
    rows = [_row(verdict) for verdict in run.verdicts]
    rows += [
        f'<tr><td><code>{_text(stage)}</code></td><td class="status dim">not run</td><td></td><td></td><td></td>'
        f"<td>{_text(reason)}</td></tr>"
        for stage, reason in run.not_run.items()
    ]
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>\n{"".join(rows)}</tbody></table></div>'


def _row(verdict: Verdict) -> str:
    blocking = sum(finding.blocking for finding in verdict.findings)
    others = len(verdict.findings) - blocking
    counted = ", ".join(f"{number} {noun}" for noun, number in verdict.looked_at.items())
    seconds = f"{verdict.duration_s:.1f}" + (" (cached)" if verdict.cached else "")
    findings = f"{blocking}" + (f" + {others} noted" if others else "")
    return (
        f'<tr><td><code>{_text(verdict.stage)}</code></td><td class="status {verdict.status.value}">'
        f'{verdict.status.value}</td><td class="number">{findings}</td><td>{_text(counted)}</td>'
        f'<td class="number">{seconds}</td><td>{_text(verdict.reason)}{_files(verdict)}</td></tr>\n'
    )


def _files(verdict: Verdict) -> str:
    """Links to what lies beside the page: the stage's log and its evidence."""
    paths = [path for path in (verdict.log, *sorted(verdict.evidence)) if _BESIDE.fullmatch(path)]
    links = " · ".join(f'<a href="{path}">{path.rpartition("/")[2]}</a>' for path in paths)
    return f'<div class="dim">{links}</div>' if links else ""


def _stage(verdict: Verdict) -> str:
    findings = sorted(verdict.findings, key=lambda finding: (not finding.blocking, _RANK[finding.severity]))
    first, rest = findings[:_FIRST], findings[_FIRST:_LIMIT]
    left = len(findings) - _FIRST - len(rest)
    more = f"<details><summary>{len(rest)} more</summary>{_list(rest)}</details>" if rest else ""
    note = f'<p class="dim">and {left} in run.json</p>' if left > 0 else ""
    rerun = f"<p>Run it again: <code>{_text(verdict.rerun)}</code></p>" if verdict.rerun else ""
    status = f'<span class="status {verdict.status.value}">{verdict.status.value}</span>'
    return f"<section><h2><code>{_text(verdict.stage)}</code> {status}</h2>{_list(first)}{more}{note}{rerun}</section>"


def _list(findings: Iterable[Finding]) -> str:
    return f"<ul>{''.join(_item(finding) for finding in findings)}</ul>"


def _item(finding: Finding) -> str:
    where = f"<code>{_text(str(finding.location))}</code> " if finding.location else ""
    blocks = "" if finding.blocking else ' <span class="dim">does not block</span>'
    first, _, rest = finding.message.partition("\n")
    body = f"<pre>{_text(rest)}</pre>" if rest else ""
    hint = f'<div class="dim">{_text(finding.hint)}</div>' if finding.hint else ""
    link = _link(finding.url) if finding.url else ""
    return (
        f'<li>{where}<strong>{_text(finding.rule)}</strong> <span class="dim">{finding.severity.value}</span>{blocks}'
        f"<div>{_text(first)}</div>{body}{hint}{link}</li>"
    )


def _link(url: str) -> str:
    # A tool's report may say javascript:...; only pages are links.
    if url.startswith(("https://", "http://")):
        return f'<div><a rel="noreferrer" href="{_text(url)}">{_text(url)}</a></div>'
    return f"<div>{_text(url)}</div>"


def _text(text: str) -> str:
    return escape(visible_in_xml(text))
