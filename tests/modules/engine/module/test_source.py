from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.module.source import ModuleSourceError, find_module, parse_module

ROOT = Path("/project")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = VALUES | st.fixed_dictionaries(
    {}, optional={"name": VALUES, "sdk": VALUES, "source": VALUES, "include": VALUES}
)


def test_a_module_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    (tmp_path / "dagger.json").write_text('{"name": "ci", "sdk": "python", "source": "sub", "include": ["!x"]}')
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    found = find_module(inside)
    assert (found.name, found.root, found.source, found.include) == ("ci", tmp_path.resolve(), "sub", ("!x",))
    assert found.project == (tmp_path / "sub").resolve()


def test_default_paths_start_at_the_work_tree_around_the_module(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    module = tmp_path / "ci"
    module.mkdir()
    (module / "dagger.json").write_text('{"name": "ci", "sdk": {"source": "python"}}')
    assert find_module(module).context == tmp_path.resolve()


def test_no_module_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ModuleSourceError, match=f"no dagger.json in {tmp_path.resolve()}"):
        find_module(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{,}", ":1:2: not JSON"),
        ("[]", "a JSON object is expected"),
        ('{"sdk": "python"}', '"name" is missing'),
        ('{"name": "x", "sdk": "go"}', "the SDK is 'go'"),
        ('{"name": "x"}', "the SDK is None"),
    ],
)
def test_what_is_no_python_module_is_refused_with_a_reason(text: str, told: str) -> None:
    with pytest.raises(ModuleSourceError, match=told):
        parse_module(text, ROOT)


@given(DOCUMENTS)
def test_any_json_is_a_module_or_a_clear_refusal(document: object) -> None:
    try:
        module = parse_module(json.dumps(document), ROOT)
    except ModuleSourceError:
        return
    assert module.name
    assert module.source
    assert all(isinstance(pattern, str) for pattern in module.include)


@given(st.text(max_size=40))
def test_any_text_is_a_module_or_a_clear_refusal(text: str) -> None:
    with pytest.raises(ModuleSourceError):
        parse_module(text, ROOT)
