"""`gauntlet-engine stop`: end the daemon."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from gauntlet_engine.daemon import stop_daemon
from gauntlet_engine.state import state_dirs

if TYPE_CHECKING:
    from collections.abc import Sequence


def stop(arguments: Sequence[str]) -> int:
    """Stop the daemon, also under runs that use it: these end with an error. Exit 0 whether or not there was one.

    Args:
        arguments: none.
    """
    parser = argparse.ArgumentParser(prog="gauntlet-engine stop", description=__doc__, allow_abbrev=False)
    parser.parse_args(arguments)
    print("stopped" if stop_daemon(state_dirs(os.environ)) else "no daemon was running")
    return 0
