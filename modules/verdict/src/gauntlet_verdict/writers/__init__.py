"""Writers: a run in, the bytes of one report out. One module a format, each with one pure function `write`.

Import only the module that you need; this package imports none of them. `gauntlet_verdict.store` writes them all.
"""

from gauntlet_verdict.writers.interface import Writer

__all__ = ["Writer"]
