"""The code under test runs as a container's root: without a root's powers, as it would on anybody's machine."""

from __future__ import annotations

import contextlib
import ctypes

# linux/prctl.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_LAST_CAPABILITY = 63  # more than there are; the kernel refuses what it does not know


def give_up_for_children() -> None:
    """Whatever this process (and each thread started later) executes from now on has no capabilities.

    Files are still root's own. But a test that expects "permission denied" gets it, and hostile code can't change
    owners, mount, or trace. This process keeps what it has. Call it before any thread is started.
    """
    with contextlib.suppress(OSError, AttributeError):  # a kernel or sandbox without prctl(2)
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in range(_LAST_CAPABILITY + 1):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
