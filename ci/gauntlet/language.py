"""The configuration and the stages that are in force, and whose they are: the change's or its base's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet.config import FILENAME, Config, custom_stage_paths, load, place_of_custom_stage
from gauntlet.custom import CustomFile, load_custom_stages
from gauntlet.errors import ConfigError, Problem
from gauntlet.stage import Stage, registered
from gauntlet.stages import load_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Language:
    """What a run obeys; `notes` say where that differs from what the source has."""

    config: Config
    stages: Mapping[str, Stage]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomSource:
    """Where custom stages are: `read` gives a file's trusted text or None; `missing` then says what, and what now."""

    read: Callable[[str], bytes | None]
    missing: Callable[[str], tuple[str, str]]


def language_without_base(written: bytes | None, custom: CustomSource) -> Language:
    """The source's own configuration, with custom stages out of `custom`.

    Raises:
        ConfigError: every problem of either.
    """
    stages = _with_custom(written, custom)
    return Language(load(written, FILENAME, stages), stages)


def language_of_base(written: bytes | None, trusted: bytes | None, base: str, custom: CustomSource) -> Language:
    """The base's configuration: a change must not loosen the gates that it has to pass.

    `written` is the change's own gauntlet.yaml. It is checked all the same, so that a broken one never gets merged.
    `base` is the base's name for people.

    Raises:
        ConfigError: every problem of either.
    """
    stages = _with_custom(trusted, custom)
    config = load(trusted, f"{FILENAME}@{base}", stages)
    if written == trusted:
        return Language(config, stages)
    if written is not None:
        # The change's own custom stages are not loaded, so their ids and options can't be known.
        load(written, FILENAME, None if custom_stage_paths(written, FILENAME) else stages)
    what = "the base has none, so the defaults are" if trusted is None else "the base's is"
    return Language(config, stages, (f"{FILENAME} differs from the base {base}: {what} in force",))


def _with_custom(text: bytes | None, custom: CustomSource) -> dict[str, Stage]:
    load_stages()
    files: list[CustomFile] = []
    problems: list[Problem] = []
    for number, path in enumerate(custom_stage_paths(text, FILENAME)):
        raw = custom.read(path)
        if raw is None:
            place = place_of_custom_stage(text or b"", FILENAME, number)
            problems.append(Problem(place.file, place.line, place.column, *custom.missing(path)))
            continue
        try:
            files.append(CustomFile(path, raw.decode("utf-8-sig")))
        except UnicodeDecodeError:
            problems.append(Problem(path, 1, 1, "is not UTF-8", "save the file as UTF-8"))
    if problems:
        raise ConfigError(problems)
    return load_custom_stages(files, registered())
