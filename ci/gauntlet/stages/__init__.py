"""The stages that come with Gauntlet, one module a stage or a close family."""

from __future__ import annotations

import importlib
import pkgutil


def load_stages() -> None:
    """Import every stage module here, so that its `@stage` registers it; a second call does nothing."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        importlib.import_module(f"{__name__}.{module.name}")
