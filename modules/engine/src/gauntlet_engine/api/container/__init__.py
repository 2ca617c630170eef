"""Container: a root file system and how processes run in it."""

from __future__ import annotations

from dataclasses import dataclass

from gauntlet_engine.api.container.configuring import Configuring
from gauntlet_engine.api.container.files import Files
from gauntlet_engine.api.container.imaging import Imaging
from gauntlet_engine.api.container.mounting import Mounting
from gauntlet_engine.api.container.running import Running


@dataclass(frozen=True)
class Container(Configuring, Files, Mounting, Running, Imaging):
    """Dagger's Container: immutable; every method returns a new one or an answer."""
