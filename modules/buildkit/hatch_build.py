"""Hatchling's hook: puts the daemon, the exec shim and the gRPC stubs into the wheel (see `recipe/`)."""

# hatchling lives in the build environment only:
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUntypedBaseClass=false

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

from recipe.parts import BuildError, Recipe
from recipe.stubs import StubError
from recipe.toolchain import NoGoError


class BuildKitHook(BuildHookInterface[Any]):
    """Builds what is out of date, below `src/`: an editable install needs it there, a wheel takes it from there."""

    def dependencies(self) -> list[str]:
        """Asked before the build environment is complete; empty when nothing is to be built."""
        return Recipe(Path(self.root)).requirements()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds, and marks the wheel as one for this machine. `version` is `standard` or `editable`."""
        del version
        if sys.platform != "linux":
            sys.exit("gauntlet-buildkit: buildkitd runs on Linux only; elsewhere use a remote engine")
        machine = platform.machine()
        build_data["pure_python"] = False
        # Static binaries: any libc will do.
        build_data["tag"] = f"py3-none-manylinux_2_17_{machine}.musllinux_1_1_{machine}"
        try:
            Recipe(Path(self.root)).run(lambda text: self.app.display_info(f"gauntlet-buildkit: {text}"))
        except (BuildError, NoGoError, StubError) as error:
            sys.exit(f"gauntlet-buildkit: {error}")
