from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gauntlet.config import Config, StageSettings, custom_stage_paths, load
from gauntlet.config_schema import json_schema
from gauntlet.document import SIZE_LIMIT
from gauntlet.errors import ConfigError, Problem
from gauntlet.options import StageOptions
from gauntlet.stage import Stage, Tier


class CoverageOptions(StageOptions):
    min_coverage: float = 0.0
    paths: tuple[str, ...] = ()


async def _never_run(_context: object) -> None:
    raise AssertionError


STAGES = {
    stage.id: stage
    for stage in (
        Stage("lint:python", _never_run, Tier.FAST, "lints"),  # pyright: ignore[reportArgumentType]
        Stage("test:unit", _never_run, Tier.FAST, "tests", options=CoverageOptions),  # pyright: ignore[reportArgumentType]
    )
}


EVERY_PROBLEM = """\
gauntlet.yaml:1:1: unknown key 'verison'; did you mean 'version'?
gauntlet.yaml:2:7: jobs: must be a whole number, not '4'
gauntlet.yaml:3:10: unknown key 'exclud'; did you mean 'exclude'?
gauntlet.yaml:3:32: source.include: must be a list, not 'a'
gauntlet.yaml:5:17: advisories.max_age_days: must be greater than or equal to 0, not -1
gauntlet.yaml:6:13: advisories.on_stale: must be 'block' or 'warn', not 'explode'
gauntlet.yaml:7:11: advisories.folder: '../x' must be a path below the project's folder, with / and without ..
gauntlet.yaml:9:3: unknown stage 'lint:pyton'; did you mean 'lint:python'?
gauntlet.yaml:10:26: stages.lint:python.timeout: '5 parsecs' is not a duration; write seconds, or 90s, 5m, 1h30m
gauntlet.yaml:10:37: unknown key 'blok'; did you mean 'block'?
gauntlet.yaml:10:56: stages.lint:python.block: must be true, false or warn
gauntlet.yaml:10:71: stages.lint:python.memory: 'lots' is not a size; write bytes or a size such as 512MiB or 2GB
gauntlet.yaml:11:15: unknown key 'min_covrage'; did you mean 'min_coverage'?
gauntlet.yaml:11:45: stages.test:unit.min_coverage: must be a number, not '1'
gauntlet.yaml:12:1: the key 'jobs' is here twice; merge it with line 2
gauntlet.yaml:13:23: custom_stages.1: must be a string, not 3"""


def problems_of(raw: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(raw, "gauntlet.yaml", STAGES)
    return [str(problem) for problem in caught.value.problems]


def problems_if_any(raw: str | bytes) -> tuple[Problem, ...]:
    """What is wrong with a text; whatever else it may raise is a failure of the test."""
    try:
        load(raw, stages=STAGES)
    except ConfigError as error:
        return error.problems
    return ()


def test_no_file_is_all_defaults() -> None:
    assert load(None) == Config()
    assert load(None).settings("test:unit") == StageSettings()


def test_a_whole_file_is_read() -> None:
    text = """
version: 1
source: {include: ["src/**"], exclude: [vendor], gitignore: false}
jobs: 3
image: some/image@sha256:1
advisories: {source: folder, folder: advisories, max_age_days: 2, on_stale: warn}
custom_stages: [ci_stages/todo.py]
stages:
  lint:python: {enabled: false}
  test:unit: {timeout: 1h30m, memory: 2GiB, block: warn, min_coverage: 80.5, paths: [a, b]}
"""
    config = load(text, stages=STAGES)
    assert (config.jobs, config.image, config.source.include) == (3, "some/image@sha256:1", ("src/**",))
    assert config.advisories.on_stale == "warn"
    assert config.settings("lint:python").enabled is False
    unit = config.settings("test:unit")
    assert (unit.timeout_s, unit.memory, unit.block) == (5400.0, 2 * 1024**3, "warn")
    assert unit.read(CoverageOptions) == CoverageOptions(min_coverage=80.5, paths=("a", "b"))


def test_every_problem_is_reported_at_once_with_its_place_and_the_nearest_key() -> None:
    text = """verison: 1
jobs: "4"
source: {exclud: [b], include: a}
advisories:
  max_age_days: -1
  on_stale: explode
  folder: ../x
stages:
  lint:pyton: {}
  lint:python: {timeout: 5 parsecs, blok: true, block: maybe, memory: lots}
  test:unit: {min_covrage: 1, min_coverage: "1"}
jobs: 3
custom_stages: [a.py, 3]
"""
    assert "\n".join(problems_of(text)) == EVERY_PROBLEM


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", "1:1: the file is empty"),
        ("# only a comment\n", "1:1: the file is empty"),
        ("- a\n- b\n", "1:1: a list on the top level"),
        ("fast\n", "1:1: a single value on the top level"),
        ("jobs:\n\t- 1\n", "2:1: a tab in the indentation"),
        (b"jobs: 1\nimage: \xff\n", "2:8: byte 0xff is not UTF-8"),
        ("image: [\n", "2:1: not YAML"),
        ("image: \x07\n", "1:8: not YAML"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document"),
        ("image: &a x\nservices_image: *a\n", "1:8: anchors and aliases are not supported"),
        ("image: !!python/object:os.system x\n", "1:8: the tag tag:yaml.org,2002:python/object:os.system"),
        ("image: !secret x\n", "1:8: the tag !secret is not supported"),
        ("? [a]\n: 1\n", "1:3: a key must be a name"),
        ("image: " + "[" * 4000, "1:39: nested more than 32 levels deep"),
        ("# " + "x" * SIZE_LIMIT, f"1:1: the file has {SIZE_LIMIT + 2} bytes"),
        ("stages: [lint:python]\n", "1:9: must be a mapping of stage ids"),
        ("stages:\n  lint:python: off\n", "2:16: must be a mapping"),
        ("version: 2\n", "1:10: version: must be 1, not 2"),
        ("jobs: 1:30\n", "1:7: jobs: must be a whole number, not '1:30'"),
        ("jobs: true\n", "1:7: jobs: must be a whole number, not True"),
        ("source:\n", "1:1: source: must be a mapping"),
        ("stages: {test:unit: {timeout: 0}}", "1:31: stages.test:unit.timeout: a duration must be more than 0"),
        ("custom_stages: [/etc/passwd]", "1:17: custom_stages.0: '/etc/passwd' must be a path below"),
    ],
)
def test_a_broken_file_says_where_and_what(raw: str | bytes, expected: str) -> None:
    found = problems_of(raw)
    if "source:" in expected:
        expected = expected.replace("1:1: ", "")
    assert any(expected in problem for problem in found), found


def test_an_alias_bomb_is_refused_before_it_is_expanded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert all("anchors and aliases" in problem for problem in problems_of("\n".join(lines)))


def test_stage_options_are_not_checked_without_the_stages() -> None:
    config = load("stages:\n  my:stage: {anything: 1, timeout: 5s}\n", stages=None)
    assert config.settings("my:stage").timeout_s == 5.0


def test_custom_stages_are_found_before_the_rest_is_understood() -> None:
    assert custom_stage_paths("stages: {my:stage: {x: 1}}\ncustom_stages: [a.py]\n") == ("a.py",)
    assert custom_stage_paths(None) == ()


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_anything_but_a_config_error(raw: bytes) -> None:
    problems = problems_if_any(raw)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


_KEYS = st.sampled_from(
    [*Config.model_fields, "lint:python", "test:unit", "timeout", "block", "x", "stages", "<<", "on"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_mapping_is_either_read_or_refused_with_places_inside_the_file(data: dict[str, object]) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    assert all(problem.line <= len(text.split("\n")) for problem in problems_if_any(text))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "jobs": st.integers(1, 256),
            "custom_stages": st.lists(st.from_regex(r"[a-z]{1,8}\.py", fullmatch=True), max_size=3),
            "source": st.fixed_dictionaries({}, optional={"gitignore": st.booleans()}),
            "stages": st.fixed_dictionaries(
                {},
                optional={
                    "test:unit": st.fixed_dictionaries(
                        {},
                        optional={
                            "timeout": st.integers(1, 1000).map(lambda n: f"{n}s"),
                            "block": st.sampled_from([True, False, "warn"]),
                            "min_coverage": st.integers(0, 100),
                        },
                    )
                },
            ),
        },
    )
)
def test_every_valid_mapping_is_read_as_it_was_written(data: dict[str, object]) -> None:
    config = load(yaml.safe_dump(data) if data else "version: 1\n", stages=STAGES)
    assert config.jobs == data.get("jobs")
    assert list(config.custom_stages) == data.get("custom_stages", [])


def test_the_schema_for_editors_has_every_key_and_every_stages_options() -> None:
    schema = json_schema(STAGES)
    assert set(schema["properties"]) == set(Config.model_fields)
    unit = schema["properties"]["stages"]["properties"]["test:unit"]
    assert {"enabled", "block", "timeout", "memory", "min_coverage", "paths"} == set(unit["properties"])
    assert unit["additionalProperties"] is False
    assert unit["properties"]["enabled"]["description"].startswith("false leaves the stage out")
    assert schema["properties"]["jobs"]["description"].startswith("Stages that run at once")
    assert (
        schema["$defs"]["AdvisorySettings"]["properties"]["max_age_days"]["description"] == "Older data is no answer."
    )
