from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_reference_says_what_the_configuration_takes() -> None:
    # A process of its own: other tests register stages that no user has.
    written = subprocess.run(
        [sys.executable, "-m", "gauntlet.reference"], check=True, capture_output=True, text=True
    ).stdout
    assert DOCUMENT.read_text(encoding="utf-8") == written, "run: python -m gauntlet.reference > docs/configuration.md"
