"""The part of `gauntlet_checks.imports` that runs in the project's own interpreter; a script, alone in its file.

It reads a JSON plan from the file named by its argument: {"modules": [...], "own": [...], "fresh": bool, "answers":
path}. For each module it appends one JSON line to the answers file before the import ("start") and one after it
("end"). So whoever reads the file knows which module was being imported when the interpreter died or hung.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback

MAX_MESSAGE = 2000


def main() -> None:
    """Import every module of the plan, in order."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - what is imported here, no module can lack
        plan = json.load(file)
    for module in plan["modules"]:
        if plan["fresh"]:
            forget(frozenset(plan["own"]))
        tell(plan["answers"], {"module": module, "event": "start"})
        tell(plan["answers"], {"module": module, "event": "end", **attempt(module)})


def attempt(module: str) -> dict[str, object]:
    """Import `module`; {"ok": True} or what went wrong and where."""
    try:
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - a module that calls sys.exit() is a finding too
        return failure(error)
    return {"ok": True}


def failure(error: BaseException) -> dict[str, object]:
    """Describe `error` with the frames that lead to it, innermost last."""
    frames = [(frame.filename, frame.lineno or 1) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno or 1))
    return {
        "ok": False,
        "type": type(error).__name__,
        "message": str(error)[:MAX_MESSAGE],
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
        "frames": [(name, line) for name, line in frames if not name.startswith("<frozen")],
    }


def forget(own: frozenset[str]) -> None:
    """Drop the project's modules, so that the next import meets none that an earlier one had already loaded."""
    for name in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[name]


def tell(path: str, line: dict[str, object]) -> None:
    """Append one line; the file is opened anew each time, so that no module can close it."""
    with open(path, "a", encoding="utf-8") as answers:  # noqa: PTH123 - as above
        answers.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
