"""Runs inside a module's container, as text: answers calls one after the other, each in a process of its own.

What all calls need (Dagger's SDK, the module itself) is imported once; each call then has a fork, so that nothing that
one does can be seen by the next, as with Dagger, which starts a process for each. Which call it is, the SDK asks.
"""

from __future__ import annotations

import contextlib
import os
import sys

from dagger.mod.cli import app, get_entry_point


def _answer(pipe: int) -> None:
    code = app() or 0
    for stream in (sys.stdout, sys.stderr):
        # Whoever follows the output knows by this that the answer's is all there (progress.py).
        print("\x1egauntlet: answered\x1e", file=stream, flush=True)
    # Also tells a function that returned from one that left by os._exit.
    os.write(pipe, str(code).encode())
    os._exit(0)


def main() -> int:
    """Answer until a call fails; the engine ends this process when it has no more to ask."""
    # An import that fails is told by the first call, which can answer with its error.
    with contextlib.suppress(BaseException):
        get_entry_point().load()
    while True:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _answer(writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status) or (int(said) if said else 1)
        if code:
            return code if code > 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
