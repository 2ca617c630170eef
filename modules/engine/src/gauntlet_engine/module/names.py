"""One name in the spellings of the API, of Python and of the command line."""

from __future__ import annotations

import re


def pascal_case(name: str) -> str:
    """A module's name as its main object's: `my-ci` is `MyCi`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_\s]+", name) if part)


def kebab_case(name: str) -> str:
    """An API name as the command line's: `baseImage` is `base-image`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).replace("_", "-").lower()
