"""The language in force for a checkout on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gauntlet.config import FILENAME
from gauntlet.document import SIZE_LIMIT
from gauntlet.errors import ConfigError, Problem
from gauntlet.language import CustomSource, Language, language_of_base, language_without_base

if TYPE_CHECKING:
    from gauntlet.cli.checkout import Checkout


def read_language(checkout: Checkout) -> Language:
    """Read gauntlet.yaml and the custom stages; with a base, the base's.

    Custom stages are code that runs on this machine: they are loaded as committed, never from the working tree.

    Raises:
        ConfigError: every problem of either.
    """
    written = _working_text(checkout)
    custom = CustomSource(lambda path: _trusted_text(checkout, path), lambda path: _missing(checkout, path))
    if checkout.base is None:
        language = language_without_base(written, custom)
    else:
        trusted = checkout.committed(checkout.base, FILENAME)
        language = language_of_base(written, trusted, checkout.base[:12], custom)
    return replace(language, notes=(*checkout.notes, *language.notes))


def _working_text(checkout: Checkout) -> bytes | None:
    path = checkout.root / FILENAME
    if not path.exists() and not path.is_symlink():
        return None
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(
            [Problem(FILENAME, 1, 1, f"can't be read: {error.strerror}", "make it a plain file")]
        ) from None


def _trusted_text(checkout: Checkout, path: str) -> bytes | None:
    if checkout.trusted is not None:
        return checkout.committed(checkout.trusted, path)
    file = checkout.root / path
    # Outside git there is no earlier version: the folder's owner is the only one to trust.
    return file.read_bytes() if checkout.repository is None and file.is_file() else None


def _missing(checkout: Checkout, path: str) -> tuple[str, str]:
    if (checkout.root / path).is_file():
        where = f"the base {checkout.base[:12]}" if checkout.base else "HEAD"
        return f"{path!r} is not in {where}", "commit it first: custom stages only run as committed"
    return f"{path!r}: there is no such file", "check the path, relative to the source"
