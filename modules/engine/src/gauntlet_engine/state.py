"""Where the engine keeps things on the host."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gauntlet_engine.buildkit.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYOUT = "1"
"""Version of the state's layout; another one on disk is never touched."""

_SOCKET_NAME_LIMIT = 107  # bytes of a unix socket's path (sockaddr_un)
_LONGEST_SOCKET = "buildkitd.sock"


@dataclass(frozen=True)
class StateDirs:
    """`root` survives reboots (daemon state, base images, remembered digests); `run` holds sockets."""

    root: Path
    run: Path

    def prepare(self) -> None:
        """Create both, for this user alone.

        Raises:
            EngineError: another user owns one, another version wrote it, or it cannot be created.
        """
        for directory in (self.root, self.run):
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise EngineError(
                    f"Cannot create {directory}: {error.strerror}.",
                    remedy="Set GAUNTLET_ENGINE_STATE to a directory that you may write to.",
                ) from error
            if directory.stat().st_uid != os.geteuid():
                raise EngineError(
                    f"{directory} belongs to another user.", remedy="Set GAUNTLET_ENGINE_STATE to one of your own."
                )
        self._check_layout()

    def _check_layout(self) -> None:
        stamp = self.root / "layout"
        try:
            found = stamp.read_text().strip()
        except FileNotFoundError:
            replace_file(stamp, LAYOUT.encode())
            return
        if found != LAYOUT:
            raise EngineError(
                f"{self.root} was written by another version of the engine (layout {found}, this one has {LAYOUT}).",
                remedy="Use that version, or set GAUNTLET_ENGINE_STATE to a new directory.",
            )


def state_dirs(environ: Mapping[str, str]) -> StateDirs:
    """Directories for this user, not yet created.

    GAUNTLET_ENGINE_STATE names the root; else it is $XDG_STATE_HOME/gauntlet-engine (~/.local/state by default). The
    run directory is `root/run`, or, where a socket's path would be too long for the kernel, one in the temporary
    directory named by a digest of the root.
    """
    if named := environ.get("GAUNTLET_ENGINE_STATE"):
        root = Path(named).absolute()
    else:
        home = Path(environ.get("HOME") or Path.home())
        base = environ.get("XDG_STATE_HOME") or home / ".local" / "state"
        root = Path(base).absolute() / "gauntlet-engine"
    run = root / "run"
    if len(os.fsencode(run / _LONGEST_SOCKET)) > _SOCKET_NAME_LIMIT:
        digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        run = Path(tempfile.gettempdir()) / f"gauntlet-engine-{os.geteuid()}-{digest}"
    return StateDirs(root, run)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader, also after a crash, sees either the old content or all of the new."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
