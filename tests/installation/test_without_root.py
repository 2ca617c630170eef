"""`gauntlet fast` by somebody who is not root: the daemon in a user namespace, the base image made there too."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root runs every other test that way"),
]
NAME, USER = "gauntlet-guest", 64321
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that the user can reach, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="gauntlet-guest-", dir="/var/tmp"))
    folder.chmod(0o755)
    own = folder / "home"
    own.mkdir()
    os.chown(own, USER, USER)
    yield own
    shutil.rmtree(folder)


def as_guest(home: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a user that exists only in a mount namespace of its own; the machine is left as it is."""
    lines = ["set -e"]
    accounts = {
        "passwd": f"{NAME}:x:{USER}:{USER}::{home}:/bin/sh\n", "group": f"{NAME}:x:{USER}:\n",
        "subuid": f"{NAME}:1000000:65536\n", "subgid": f"{NAME}:1000000:65536\n",
    }  # fmt: skip
    for name, line in accounts.items():
        (home.parent / name).write_text(Path("/etc", name).read_text() + line)
        lines.append(f"mount --bind {home.parent / name} /etc/{name}")
    lines += _within_reach(home.parent, [REPOSITORY, Path(sys.base_prefix)])
    others = ("XDG_", "GAUNTLET_", "DAGGER_", "_EXPERIMENTAL_DAGGER", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    kept |= {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    words = [f"{name}={value}" for name, value in kept.items()]
    guest = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "env", "-i", *words, *command]
    lines.append(f"cd {home} && exec {shlex.join(map(str, guest))}")
    return subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", "\n".join(lines)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _within_reach(hold: Path, folders: list[Path]) -> list[str]:
    """Shell lines after which anybody can reach the folders, whatever is closed above them (root's home, a CI's)."""
    lines: list[str] = []
    covered: dict[Path, list[tuple[Path, Path]]] = {folder: [] for folder in (Path("/tmp"),) if not _usable(folder)}
    for number, folder in enumerate(folders):
        kept = hold / str(number)
        lines.append(f"mkdir -p {kept} && mount --bind {shlex.quote(str(folder))} {kept}")
        closed = (above for above in reversed(folder.parents) if above in covered or not _passable(above))
        if (outermost := next(closed, None)) is not None:
            covered.setdefault(outermost, []).append((kept, folder))
    for above, pairs in covered.items():
        lines.append(f"mount -t tmpfs -o mode=1777 none {shlex.quote(str(above))}")
        for kept, folder in pairs:
            where = shlex.quote(str(folder))
            lines.append(f"mkdir -p {where} && mount --bind {kept} {where}")
    return lines


def _passable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _usable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IWOTH)


def test_fast_runs_without_root(home: Path) -> None:
    if as_guest(home, "unshare", "--user", "true").returncode:
        pytest.skip("this machine's kernel gives no user namespaces to those who are not root (`doctor` says why)")
    shop = home / "shop"
    shop.mkdir()
    (shop / "shop.py").write_text("import os\n")
    try:
        ran = as_guest(
            home, "gauntlet", "fast", "--source", shop, "--only", "lint:python", "--report-dir", home / "reports"
        )
        assert ran.returncode == 1, ran.stdout + ran.stderr
        verdicts = json.loads((home / "reports" / "run.json").read_text())["verdicts"]
        (lint,) = (verdict for verdict in verdicts if verdict["stage"] == "lint:python")
        assert (lint["status"], lint["findings"][0]["rule"]) == ("FAIL", "F401")
        status = as_guest(home, "gauntlet-engine", "status", "--json")
        assert status.returncode == 0, status.stdout + status.stderr
        assert Path("/proc", str(json.loads(status.stdout)["pid"])).stat().st_uid == USER
    finally:
        stopped = as_guest(home, "gauntlet-engine", "stop")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
