"""The configuration and the stages that are in force for a checkout, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet.config import FILENAME, Config, custom_stage_paths, load, place_of_custom_stage
from gauntlet.custom import CustomFile, load_custom_stages
from gauntlet.document import SIZE_LIMIT
from gauntlet.errors import ConfigError, Problem
from gauntlet.stage import Stage, registered
from gauntlet.stages import load_stages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gauntlet.cli.checkout import Checkout


@dataclass(frozen=True, slots=True)
class Language:
    """What a run obeys; `notes` say where that differs from what the working tree has."""

    config: Config
    stages: Mapping[str, Stage]
    notes: tuple[str, ...] = ()


def read_language(checkout: Checkout) -> Language:
    """Read gauntlet.yaml and the custom stages.

    With a base, both are the base's: a change must not loosen the gates that it has to pass. The working tree's
    gauntlet.yaml is checked all the same, so that a broken one never gets merged. Custom stages are code that runs
    on this machine: they are loaded as committed, never from the working tree.

    Raises:
        ConfigError: every problem of either.
    """
    load_stages()
    ours = registered()
    written = _working_text(checkout)
    if checkout.base is None:
        stages = _custom(checkout, written, ours)
        return Language(load(written, FILENAME, stages), stages, checkout.notes)
    trusted = checkout.committed(checkout.base, FILENAME)
    stages = _custom(checkout, trusted, ours)
    config = load(trusted, f"{FILENAME}@{checkout.base[:12]}", stages)
    notes = list(checkout.notes)
    if written != trusted:
        _check(written, stages)
        what = "the base has none, so the defaults are" if trusted is None else "the base's is"
        notes.append(f"{FILENAME} differs from the base {checkout.base[:12]}: {what} in force")
    return Language(config, stages, tuple(notes))


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


def _custom(checkout: Checkout, text: bytes | None, ours: Mapping[str, Stage]) -> dict[str, Stage]:
    paths = custom_stage_paths(text, FILENAME)
    files: list[CustomFile] = []
    problems: list[Problem] = []
    for number, path in enumerate(paths):
        raw = _trusted_text(checkout, path)
        if raw is None:
            problems.append(_missing(checkout, text or b"", number, path))
            continue
        try:
            files.append(CustomFile(path, raw.decode("utf-8-sig")))
        except UnicodeDecodeError:
            problems.append(Problem(path, 1, 1, "is not UTF-8", "save the file as UTF-8"))
    if problems:
        raise ConfigError(problems)
    return load_custom_stages(files, ours)


def _trusted_text(checkout: Checkout, path: str) -> bytes | None:
    if checkout.trusted is not None:
        return checkout.committed(checkout.trusted, path)
    file = checkout.root / path
    # Outside git there is no earlier version: the folder's owner is the only one to trust.
    return file.read_bytes() if checkout.repository is None and file.is_file() else None


def _missing(checkout: Checkout, text: bytes, number: int, path: str) -> Problem:
    place = place_of_custom_stage(text, FILENAME, number)
    if (checkout.root / path).is_file():
        where = f"the base {checkout.base[:12]}" if checkout.base else "HEAD"
        message, hint = f"{path!r} is not in {where}", "commit it first: custom stages only run as committed"
    else:
        message, hint = f"{path!r}: there is no such file", "check the path, relative to the source"
    return Problem(place.file, place.line, place.column, message, hint)


def _check(written: bytes | None, stages: Mapping[str, Stage]) -> None:
    """Raise the working tree's problems, but not for stages that only the change's own custom files would add."""
    if written is None:
        return
    new = bool(custom_stage_paths(written, FILENAME))
    load(written, FILENAME, None if new else stages)
