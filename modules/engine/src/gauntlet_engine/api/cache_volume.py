"""Cache volumes: directories that outlive execs and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gauntlet_engine.api.directory import Directory
    from gauntlet_engine.graph.process import Sharing


@dataclass(frozen=True)
class CacheVolume:
    """A volume by its key. `source` fills it the first time, `owner` (uid, gid) owns its root."""

    key: str
    sharing: Sharing = "SHARED"
    source: Directory | None = None
    owner: str = ""
