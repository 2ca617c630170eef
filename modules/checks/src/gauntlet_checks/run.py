"""The wrapper round every tool: `python3 -m gauntlet_checks.run --out FILE [options] -- tool args...`.

An engine remembers an exec that exits zero. So this exits zero only when the tool has ended in an expected way and has
delivered every report that it owes; whatever crashed, was killed or said nothing is remembered by nobody.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import time
import zlib
from pathlib import Path

from gauntlet_checks.process import Ended, Limits, supervise
from gauntlet_checks.report import KINDS, ReportError, read_report

SCHEMA = 1
MARK = "--- gauntlet outcome ---"
INCOMPLETE = 70
FAILED = 71
TIMED_OUT = 124
# Dagger keeps the last 100 KiB of a failed exec's stdout (engineutil.MaxExecErrorOutputBytes).
MAX_PRINTED = 96 << 10
SHORT_STREAM = 16 << 10
# The loopback, and the tunnel ends which kernel modules put into every network namespace; they lead nowhere.
NO_NETWORK = frozenset(
    ["lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"]
)
CHECKS_PATH = str(Path(__file__).resolve().parent.parent)


def main(arguments: list[str] | None = None) -> int:
    """Run the tool, write the outcome, and answer with the exit code that lets an engine cache it or not."""
    options = _parser().parse_args(arguments)
    argv: list[str] = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        _parser().error("no tool given after --")
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)  # before the tool: its reports mostly go there as well
    limits = Limits(options.timeout, options.address_space_bytes, options.file_bytes)
    ended = supervise(argv, cwd=options.cwd, env=_environment(options.env), limits=limits, live_fd=2)
    outcome = describe(argv, ended, ok=options.ok or [0], required=options.report, optional=options.optional)
    code = exit_code_of(outcome, cache_failures=options.cache_failures)
    out.write_text(json.dumps(outcome), encoding="utf-8")
    if code:
        sys.stdout.write(f"\n{MARK}\n{packed(outcome)}\n")
    return code


def describe(
    argv: list[str],
    ended: Ended,
    *,
    ok: list[int],
    required: list[tuple[str, str, str]],
    optional: list[tuple[str, str, str]],
) -> dict[str, object]:
    """The outcome as JSON-able data; `required` and `optional` are (name, path, kind) triples."""
    reports: dict[str, str] = {}
    unread: dict[str, str] = {}
    missing: list[str] = []
    for name, path, kind in [*required, *optional]:
        try:
            reports[name] = read_report(path, kind)
        except ReportError as error:
            unread[name] = f"{path} {error}"
            if (name, path, kind) in required:
                missing.append(unread[name])
    why = _why_ended(ended, ok) or "; ".join(f"the report {text}" for text in missing)
    return {
        "schema": SCHEMA,
        "argv": argv,
        "exit_code": ended.exit_code,
        "signal": ended.signal,
        "timed_out": ended.timed_out,
        "complete": not why,
        "why": why,
        "ended_at": round(time.time(), 3),
        "duration_s": round(ended.duration_s, 3),
        "max_rss_bytes": ended.max_rss_bytes,
        "network": network_in_force(),
        "stdout": ended.stdout,
        "stderr": ended.stderr,
        "reports": reports,
        "unread": unread,
    }


def exit_code_of(outcome: dict[str, object], *, cache_failures: bool) -> int:
    """0 for what may be remembered, else one of TIMED_OUT, INCOMPLETE, FAILED."""
    if outcome["timed_out"]:
        return TIMED_OUT
    if not outcome["complete"]:
        return INCOMPLETE
    return FAILED if outcome["exit_code"] and not cache_failures else 0


def packed(outcome: dict[str, object]) -> str:
    """The outcome as one line of base64 of zlib of JSON; streams are shortened where it would not fit an error."""
    if not outcome["complete"]:
        # Nobody may believe them, and they would stand in the engine's log, secrets that a scanner found among them.
        outcome = outcome | {"reports": dict[str, str]()}
    line = _pack(outcome)
    if len(line) > MAX_PRINTED:
        line = _pack(outcome | {"stdout": _short(str(outcome["stdout"])), "stderr": _short(str(outcome["stderr"]))})
    return line


def network_in_force() -> str:
    """`none` where the loopback is the only interface, `bridge` otherwise, `unknown` where the kernel does not say."""
    try:
        interfaces = {entry.name for entry in Path("/sys/class/net").iterdir()}
    except OSError:
        return "unknown"
    return "bridge" if interfaces - NO_NETWORK else "none"


def _pack(outcome: dict[str, object]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(outcome).encode(), 9)).decode()


def _short(text: str) -> str:
    if len(text) <= 2 * SHORT_STREAM:
        return text
    left_out = len(text) - 2 * SHORT_STREAM
    return f"{text[:SHORT_STREAM]}\n[... {left_out} characters left out ...]\n{text[-SHORT_STREAM:]}"


def _why_ended(ended: Ended, ok: list[int]) -> str:
    if ended.why:
        return ended.why
    if ended.timed_out:
        return f"it ran out of time after {ended.duration_s:.0f} s"
    if ended.signal is not None:
        return f"it was killed by signal {ended.signal}" + (" (out of memory?)" if ended.signal == 9 else "")  # noqa: PLR2004 - SIGKILL
    if ended.exit_code not in ok:
        return f"it ended with exit code {ended.exit_code}, which is neither success nor findings"
    return ""


def _environment(extra: list[tuple[str, str]]) -> dict[str, str]:
    """Our environment without the path that leads to this module, plus `extra`."""
    environment = dict(os.environ)
    path = [part for part in environment.pop("PYTHONPATH", "").split(os.pathsep) if part and part != CHECKS_PATH]
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment | dict(extra)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gauntlet_checks.run", allow_abbrev=False)
    parser.add_argument("--out", required=True)
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--ok", type=int, action="append", help="an exit code that counts as an answer (default 0)")
    parser.add_argument("--report", type=_report, action="append", default=[], metavar="NAME=PATH:KIND")
    parser.add_argument("--optional", type=_report, action="append", default=[], metavar="NAME=PATH:KIND")
    parser.add_argument("--env", type=_pair, action="append", default=[], metavar="K=V")
    parser.add_argument("--cwd", default=".")
    parser.add_argument("--address-space-bytes", type=int)
    parser.add_argument("--file-bytes", type=int)
    parser.add_argument("--cache-failures", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _report(text: str) -> tuple[str, str, str]:
    name, place = _pair(text)
    path, _, kind = place.rpartition(":")
    if kind not in KINDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH:KIND with a kind of {', '.join(KINDS)}")
    return name, path, kind


if __name__ == "__main__":
    sys.exit(main())
