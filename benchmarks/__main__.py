"""`python -m benchmarks [NAME…]`: measure, print a table, and end with 1 where a promise does not hold."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

NAMES = ("unchanged", "cold_daemon", "exec_overhead", "changed_file", "upload", "cold_fast")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)} (default: all)")
    chosen = parser.parse_args().names or NAMES
    if unknown := [name for name in chosen if name not in NAMES]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    processors = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    print(f"{processors} processors, load {load:.1f} at the start", flush=True)
    if load > processors:
        print("others are at work on this machine: read the ratios, not the seconds", flush=True)
    missed = 0
    for name in chosen:
        for figure in importlib.import_module(f"benchmarks.{name}").measure():
            print(figure, flush=True)
            missed += not figure.kept
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
