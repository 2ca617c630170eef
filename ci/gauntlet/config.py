"""gauntlet.yaml as frozen values; every mistake with file:line:column and what to write instead."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gauntlet.document import Document, Path, Value, read_document
from gauntlet.errors import ConfigError, Problem
from gauntlet.options import StageOptions
from gauntlet.units import seconds, size_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gauntlet.stage import Stage

FILENAME = "gauntlet.yaml"
Options = TypeVar("Options", bound=StageOptions)
Model = TypeVar("Model", bound=BaseModel)


def _blocking(value: Value) -> Value:
    if value is True or value is False or value == "warn":
        return value
    raise ValueError("must be true, false or warn")


def _inside(path: str) -> str:
    """A POSIX path below the source's root."""
    if not path or path.startswith(("/", "~")) or "\\" in path or ".." in path.split("/") or "\0" in path:
        raise ValueError(f"{path!r} must be a path below the project's folder, with / and without ..")
    return path


Duration = Annotated[float, BeforeValidator(seconds)]
Size = Annotated[int, BeforeValidator(size_bytes)]
InsidePath = Annotated[str, AfterValidator(_inside)]


class Section(BaseModel):
    """Base of every section: frozen, closed to unknown keys, strict about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StageSettings(Section):
    """What gauntlet.yaml says about one stage.

    `block: warn` turns its FAIL into WARN, `block: false` also its findings into notes.
    """

    enabled: bool | None = None
    """false leaves the stage out; true asks for it even where detection would leave it out."""
    block: Annotated[Literal["warn"] | bool, BeforeValidator(_blocking)] = True
    """Does a finding stop the change: true, false, or warn."""
    timeout: Duration | None = None
    """Longest time of the stage's tool; the stage's own default where it is left out."""
    memory: Size | None = None
    """Most memory of the stage's tool, where the engine can limit it."""
    options: StageOptions = StageOptions()

    @property
    def timeout_s(self) -> float:
        """Seconds; the plan has filled in the stage's default."""
        return self.timeout if self.timeout is not None else 300.0

    def read(self, model: type[Options]) -> Options:
        """The stage's own options as the model that it registered; its defaults where nothing is configured."""
        return self.options if isinstance(self.options, model) else model()


class SourceSettings(Section):
    """Which files of the folder are the source."""

    include: tuple[str, ...] = ()
    """Patterns of what to take; everything where empty."""
    exclude: tuple[str, ...] = ()
    """Patterns of what to leave out, beside .git, .gauntlet, .venv and node_modules."""
    gitignore: bool = True
    """Leave out what git ignores."""


class AdvisorySettings(Section):
    """Where vulnerability data comes from and how old it may be."""

    source: Literal["pypi", "osv", "folder"] = "osv"
    """pypi's JSON interface, an OSV-compatible server at `url`, or OSV files in `folder`."""
    url: str | None = None
    """Query address of an OSV-compatible server; the public one where left out."""
    folder: InsidePath | None = None
    """Folder of OSV JSON files in the project."""
    max_age_days: Annotated[int, Field(ge=0, le=3650)] = 7
    """Older data is no answer."""
    on_stale: Literal["block", "warn"] = "block"
    """No answer, or too old: INCONCLUSIVE (block), or a visible WARN."""


class Config(Section):
    """The whole of gauntlet.yaml."""

    version: Literal[1] = 1
    """Version of this language."""
    source: SourceSettings = SourceSettings()
    jobs: Annotated[int, Field(ge=1, le=256)] | None = None
    """Stages that run at once; as many as there are processors where left out."""
    image: str | None = None
    """Image that stages run on, best by digest; the runner base where left out."""
    services_image: str | None = None
    """Image that PostgreSQL and Redis are installed in."""
    advisories: AdvisorySettings = AdvisorySettings()
    custom_stages: tuple[InsidePath, ...] = ()
    """Files with stages of your own."""
    stages: dict[str, StageSettings] = {}
    """Settings by stage id."""

    def settings(self, stage_id: str) -> StageSettings:
        """The stage's settings, or the defaults."""
        return self.stages.get(stage_id, StageSettings())


def load(
    raw: bytes | str | None,
    filename: str = FILENAME,
    stages: Mapping[str, Stage] | None = None,
) -> Config:
    """Read a configuration; None (no file) is all defaults.

    `stages` are the known ones: a section for another id is a problem, and each stage's options are checked against
    its model. Without them only the common keys are kept and the stages' own ones are not looked at.

    Raises:
        ConfigError: all problems of the file at once.
    """
    if raw is None:
        return Config()
    document = read_document(raw, filename)
    top = dict(document.data)
    table = top.pop("stages", {})
    config, problems = _validated(document, Config, top, ())
    settings, more = _stage_settings(document, table, stages)
    problems = [*document.problems, *problems, *more]
    if problems or config is None:
        raise ConfigError(problems)
    return config.model_copy(update={"stages": settings})


def custom_stage_paths(raw: bytes | str | None, filename: str = FILENAME) -> tuple[str, ...]:
    """The files of custom stages: needed before `load`, which must know every stage.

    Raises:
        ConfigError: the text is no mapping, or the list is wrong.
    """
    if raw is None:
        return ()
    document = read_document(raw, filename)
    top = {key: value for key, value in document.data.items() if key == "custom_stages"}
    config, problems = _validated(document, Config, top, ())
    if problems or config is None:
        raise ConfigError(problems)
    return config.custom_stages


def place_of_custom_stage(raw: bytes | str, filename: str, index: int) -> Problem:
    """An empty problem at the n-th entry of `custom_stages`, for its loader to fill in."""
    return read_document(raw, filename).problem(("custom_stages", index), "")


def _stage_settings(
    document: Document, table: Value, stages: Mapping[str, Stage] | None
) -> tuple[dict[str, StageSettings], list[Problem]]:
    settings: dict[str, StageSettings] = {}
    problems: list[Problem] = []
    if table is None:
        return settings, problems
    if not isinstance(table, dict):
        return settings, [document.problem(("stages",), "must be a mapping of stage ids", "write `lint:python: …`")]
    for stage_id, value in table.items():
        path = ("stages", stage_id)
        if stages is not None and stage_id not in stages:
            hint = nearest(stage_id, stages) or "`gauntlet stages` lists them"
            problems.append(document.problem(path, f"unknown stage {stage_id!r}", hint, key=True))
            continue
        if not isinstance(value, dict):
            problems.append(document.problem(path, "must be a mapping", "write `enabled: false`, `timeout: 5m`, …"))
            continue
        model = stages[stage_id].options if stages is not None else None
        one, more = _one_stage(document, path, value, model)
        problems += more
        if one is not None:
            settings[stage_id] = one
    return settings, problems


def _one_stage(
    document: Document, path: Path, value: dict[str, Value], model: type[StageOptions] | None
) -> tuple[StageSettings | None, list[Problem]]:
    common = [name for name in StageSettings.model_fields if name != "options"]
    own = {key: item for key, item in value.items() if key not in common}
    shared = {key: item for key, item in value.items() if key in common}
    settings, problems = _validated(document, StageSettings, shared, path)
    if model is None:
        return settings, problems
    options, more = _validated(document, model, own, path, also=common)
    if settings is None or options is None:
        return None, problems + more
    return settings.model_copy(update={"options": options}), problems


def _validated(
    document: Document, model: type[Model], data: dict[str, Value], path: Path, also: Iterable[str] = ()
) -> tuple[Model | None, list[Problem]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, list(_problems(document, model, error, path, tuple(also)))


def _problems(
    document: Document, model: type[BaseModel], error: ValidationError, path: Path, also: tuple[str, ...]
) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        where = item["loc"]
        place = (*path, *where)
        if item["type"] == "extra_forbidden":
            key = str(where[-1])
            known = (*_keys_at(model, where[:-1]), *(also if len(where) == 1 else ()))
            hint = nearest(key, known) or f"known here: {', '.join(sorted(known))}"
            yield document.problem(place, f"unknown key {key!r}", hint, key=True)
        else:
            yield document.problem(place, f"{_dotted(place)}: {_message(item)}")


def _keys_at(model: type[BaseModel], where: Path) -> tuple[str, ...]:
    """The keys that the section at `where` knows."""
    for step in where:
        field = model.model_fields.get(str(step))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ()
        model = annotation
    return tuple(model.model_fields)


def _dotted(place: Path) -> str:
    return ".".join(str(step) for step in place)


def _message(item: Mapping[str, Any]) -> str:
    """Pydantic's words, in those of a person who writes YAML."""
    message = str(item["msg"]).removeprefix("Value error, ")
    words = {
        "tuple": "list",
        "Input should be": "must be",
        "valid ": "",
        "integer": "whole number",
        "dictionary": "mapping",
    }
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    value = item.get("input")
    if item["type"] == "value_error" or isinstance(value, (dict, tuple)):
        return message
    return f"{message}, not {'empty' if value is None else repr(value)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` for the closest of the known words, or an empty string."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {found[0]!r}?" if found else ""
