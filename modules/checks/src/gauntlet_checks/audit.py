"""pip-audit over what lock files pin: `python -m gauntlet_checks.audit --facts FILE --report FILE SOURCE -- LOCKS`.

Each lock is KIND=PATH. Exit codes: 0 and 1 are pip-audit's (nothing, something found), 75 says that no advisory source
answered, 65 that a lock can't be read. The facts file says what was read and asked, whatever the exit code.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import defaultdict
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gauntlet_checks.osv import load
from gauntlet_checks.osv_server import serving
from gauntlet_checks.pins import Pins, pins_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ANSWER = 75  # EX_TEMPFAIL
BAD_LOCK = 65  # EX_DATAERR
PROBE_S = 10.0
PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "1.0"}
Facts = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Audit, and write the facts."""
    options = _parser().parse_args(arguments)
    facts: Facts = {"answered": False, "why": ""}
    try:
        return _audit(options, facts)
    finally:
        Path(options.facts).write_text(json.dumps(facts), encoding="utf-8")


def _audit(options: argparse.Namespace, facts: Facts) -> int:
    try:
        pins = read_pins(options.locks)
    except (OSError, ValueError) as error:
        facts["why"] = f"a lock file can't be read: {error}"
        return BAD_LOCK
    facts |= {"packages": len(pins.pinned), "unpinned": list(pins.unpinned)}
    if not pins.pinned and not pins.unpinned:
        return 0  # nobody needs to be asked about nothing
    if options.folder:
        return _audit_by_folder(options, facts, pins)
    if options.url:
        why, as_of = probed(options.url)
        facts |= {"why": why, "as_of": as_of}
        if why:
            return NO_ANSWER
        return _told(facts, pip_audit(options, pins, ["-s", "osv", "--osv-url", options.url]))
    # pip-audit itself says which packages the index had no answer for.
    return _told(facts, pip_audit(options, pins, ["-s", "pypi"]))


def _audit_by_folder(options: argparse.Namespace, facts: Facts, pins: Pins) -> int:
    advisories = load(Path(options.folder))
    facts |= {
        "advisories": advisories.count,
        "damaged": advisories.damaged,
        "as_of": advisories.as_of.isoformat() if advisories.as_of else None,
    }
    if not advisories.count:
        facts["why"] = "the folder holds no advisory about a Python package"
        return NO_ANSWER
    with serving(advisories) as server:
        code = _told(facts, pip_audit(options, pins, ["-s", "osv", "--osv-url", server.url]))
        facts["asked"] = server.queries
    return code


def _told(facts: Facts, code: int | None) -> int:
    """pip-audit's exit code as ours; None, where it gave no report, is no answer."""
    facts["answered"] = code is not None
    if code is None:
        facts["why"] = "pip-audit ended without a report"
        return NO_ANSWER
    return code


def read_pins(locks: Sequence[str]) -> Pins:
    """What all locks pin, each given as KIND=PATH.

    Raises:
        OSError: a file can't be read.
        ValueError: it is no such lock.
    """
    pins = Pins()
    for lock in locks:
        kind, _, path = lock.partition("=")
        try:
            pins = pins.merged(pins_of(Path(path).read_text(encoding="utf-8"), kind))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return pins


def requirement_files(pins: Pins, folder: Path) -> list[Path]:
    """Requirement files that together hold every pin; pip-audit takes one version of a package in each."""
    versions: dict[str, list[str]] = defaultdict(list)
    for name, version in pins.pinned:
        versions[name].append(version)
    files: list[Path] = []
    for index in range(max(map(len, versions.values()), default=0)):
        lines = [f"{name}=={every[index]}\n" for name, every in versions.items() if index < len(every)]
        files.append(folder / f"pins-{index}.txt")
        files[-1].write_text("".join(lines), encoding="utf-8")
    return files


def pip_audit(options: argparse.Namespace, pins: Pins, source: Sequence[str]) -> int | None:
    """Run pip-audit once for each requirement file, and write one report; its worst exit code, None without report."""
    found: list[Any] = []
    worst = 0
    with tempfile.TemporaryDirectory() as scratch:
        for file in requirement_files(pins, Path(scratch)):
            report = file.with_suffix(".json")
            command = [
                options.pip_audit, "--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout",
                "10", "--cache-dir", scratch, "-f", "json", "-o", str(report), "-r", str(file), *source,
            ]  # fmt: skip
            code = subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
            if not report.is_file():  # pip-audit ends with 1 also when it failed
                return None
            found += json.loads(report.read_text(encoding="utf-8"))["dependencies"]
            worst = max(worst, code)
    Path(options.report).write_text(json.dumps({"dependencies": found, "fixes": []}), encoding="utf-8")
    return worst


def probed(url: str) -> tuple[str, str | None]:
    """Ask one question: why there is no answer (empty: there is), and the time that the answer's data carries."""
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked by the configuration
        url, data=json.dumps(PROBE).encode(), headers={"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PROBE_S) as response:  # noqa: S310 - as above
            answer = json.loads(response.read(1 << 24))
            modified = response.headers.get("last-modified")
    except (OSError, ValueError, urllib.error.URLError) as error:
        return f"{url} does not answer: {error}", None
    if not isinstance(answer, dict):
        return f"{url} answers with something else than OSV's JSON", None
    return "", parsedate_to_datetime(modified).isoformat() if modified else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gauntlet_checks.audit", allow_abbrev=False)
    parser.add_argument("--facts", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--pip-audit", required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder")
    source.add_argument("--url")
    source.add_argument("--pypi", action="store_true")
    parser.add_argument("locks", nargs="+", metavar="KIND=PATH")
    return parser


if __name__ == "__main__":
    sys.exit(main())
