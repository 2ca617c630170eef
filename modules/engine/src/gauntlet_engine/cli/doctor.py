"""`gauntlet-engine doctor`: what the engine needs, what is there, and how to get the rest."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.checkup import OK, WARN, check_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARKS = {OK: "ok  ", WARN: "warn"}


def doctor(arguments: Sequence[str]) -> int:
    """Print one line a check; exit 0 all fine, 1 with warnings, 3 where the engine cannot work.

    Args:
        arguments: `--json` for machines.
    """
    parser = argparse.ArgumentParser(prog="gauntlet-engine doctor", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    options = parser.parse_args(arguments)
    checks = anyio.run(check_machine, os.environ)
    if options.json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            print(f"{_MARKS.get(check.level, 'FAIL')}  {check.name:<14} {check.finding}")
            if check.remedy:
                print(f"{'':21}→ {check.remedy}")
    levels = {check.level for check in checks}
    return 0 if levels == {OK} else 1 if levels <= {OK, WARN} else 3
