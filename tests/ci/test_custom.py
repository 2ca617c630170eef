from __future__ import annotations

import traceback
from pathlib import Path
from typing import cast

import pytest

from gauntlet.config import load
from gauntlet.custom import CustomFile, load_custom_stages
from gauntlet.errors import ConfigError
from gauntlet.language import CustomSource, language_of_base, language_without_base
from gauntlet.plan import Selection, make_plan
from gauntlet.project import Project
from gauntlet.stage import Stage, StageContext, Tier, registered

DOCUMENT = Path(__file__).parents[2] / "docs" / "custom-stages.md"
EXAMPLE = DOCUMENT.read_text().partition("```python\n")[2].partition("```")[0]
HEAD = "from gauntlet.stage import Tier, stage\n"
MINIMAL = HEAD + '@stage(id="own:thing", tier=Tier.FAST, summary="s")\nasync def run(context): ...\n'


def problems_of(*files: CustomFile) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_custom_stages(files, registered())
    return [str(problem) for problem in caught.value.problems]


def test_the_documented_example_is_at_most_twenty_lines_and_loads() -> None:
    assert len(EXAMPLE.splitlines()) <= 20
    stages = load_custom_stages([CustomFile("ci_stages/todo.py", EXAMPLE)], {})
    stage = stages["own:todo"]
    assert (stage.tier, stage.origin) == (Tier.FAST, "ci_stages/todo.py")
    plan = make_plan(stages, Project(), load("stages: {own:todo: {block: warn}}", stages=stages), Selection())
    assert [entry.stage.id for entry in plan.entries] == ["own:todo"]


def test_a_custom_stages_options_are_checked_like_ours() -> None:
    options = "from gauntlet.options import StageOptions\nclass Options(StageOptions):\n    word: str = 'TODO'\n"
    text = options + MINIMAL.replace('summary="s"', 'summary="s", options=Options')
    stages = load_custom_stages([CustomFile("a.py", text)], {})
    config = load("stages: {own:thing: {word: FIXME}}", stages=stages)
    assert config.settings("own:thing").options.model_dump() == {"word": "FIXME"}
    with pytest.raises(ConfigError, match="unknown key 'wrd'; did you mean 'word'"):
        load("stages: {own:thing: {wrd: FIXME}}", stages=stages)


def test_loading_a_custom_stage_does_not_touch_our_own_registry() -> None:
    before = registered()
    assert "own:thing" in load_custom_stages([CustomFile("a.py", MINIMAL)], before)
    assert registered() == before
    assert "own:thing" in load_custom_stages([CustomFile("a.py", MINIMAL)], before)


def test_every_broken_file_is_reported_with_its_line() -> None:
    files = {
        "syntax.py": "x = (\n",
        "raises.py": HEAD + "\n\ndef helper():\n    raise RuntimeError('no')\n\nhelper()\n",
        "exits.py": "import sys\nsys.exit('bye')\n",
        "nothing.py": "x = 1\n",
        "imports.py": "import no_such_module\n",
        "twice.py": MINIMAL + MINIMAL.removeprefix(HEAD),
    }
    assert problems_of(*(CustomFile(path, text) for path, text in files.items())) == [
        "exits.py:2:1: SystemExit: bye",
        "imports.py:1:1: ModuleNotFoundError: No module named 'no_such_module'",
        "nothing.py:1:1: registers no stage; decorate an async function with @stage(id=…, tier=…, summary=…)",
        "raises.py:5:1: RuntimeError: no",
        "syntax.py:1:5: syntax error: '(' was never closed",
        "twice.py:4:1: stage 'own:thing' is registered twice; give one of them another id",
    ]


def test_an_id_that_is_taken_names_its_owner() -> None:
    problems = problems_of(CustomFile("a.py", MINIMAL), CustomFile("b.py", MINIMAL))
    assert problems == ["b.py:1:1: stage 'own:thing' is already registered by a.py; give it another id"]


async def _raised_by(stage: Stage) -> str:
    try:
        await stage.run(cast("StageContext", None))
    except AttributeError as error:
        return "".join(traceback.format_exception(error))
    raise AssertionError("it did not raise")


@pytest.mark.anyio
async def test_a_traceback_of_a_custom_stage_shows_the_text_that_ran() -> None:
    text = MINIMAL.replace("...", "return context.nope")
    stage = load_custom_stages([CustomFile("gone/from/disk.py", text)], {})["own:thing"]
    assert "return context.nope" in await _raised_by(stage)


def _nothing(_path: str) -> bytes | None:
    return None


def _missing(path: str) -> tuple[str, str]:
    return f"{path!r} is missing", "commit it"


NONE = CustomSource(_nothing, _missing)


def test_a_custom_stage_that_is_not_there_is_a_problem_at_its_place_in_gauntlet_yaml() -> None:
    with pytest.raises(ConfigError) as caught:
        language_without_base(b"custom_stages:\n  - a.py\n  - b.py\n", NONE)
    assert [str(problem) for problem in caught.value.problems] == [
        "gauntlet.yaml:2:5: 'a.py' is missing; commit it",
        "gauntlet.yaml:3:5: 'b.py' is missing; commit it",
    ]


def test_with_a_base_its_configuration_is_in_force_and_people_are_told() -> None:
    language = language_of_base(b"jobs: 1\n", b"jobs: 7\n", "abc", NONE)
    assert language.config.jobs == 7
    assert language.notes == ("gauntlet.yaml differs from the base abc: the base's is in force",)
    assert language_of_base(b"jobs: 7\n", b"jobs: 7\n", "abc", NONE).notes == ()


def test_a_change_that_adds_a_configuration_does_not_profit_from_it() -> None:
    language = language_of_base(b"jobs: 1\n", None, "abc", NONE)
    assert language.config.jobs is None
    assert "the base has none, so the defaults are" in language.notes[0]


def test_a_change_that_removes_the_configuration_is_still_held_to_it() -> None:
    assert language_of_base(None, b"jobs: 7\n", "abc", NONE).config.jobs == 7


def test_a_change_that_breaks_the_configuration_is_refused_even_though_the_bases_is_in_force() -> None:
    with pytest.raises(ConfigError, match="unknown key 'jbs'"):
        language_of_base(b"jbs: 1\n", b"jobs: 7\n", "abc", NONE)
