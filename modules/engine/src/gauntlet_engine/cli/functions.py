"""`gauntlet-engine functions`: what a Dagger module has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_engine.cli.call import main

if TYPE_CHECKING:
    from collections.abc import Sequence


def functions(arguments: Sequence[str]) -> int:
    """List the functions of a module's main object.

    Args:
        arguments: `-m PATH` and what `dagger functions` takes.
    """
    return main(["functions", *arguments])
