from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import yaml

from gauntlet.cli import scaffold
from gauntlet.config import load

if TYPE_CHECKING:
    from pathlib import Path


def test_the_first_configuration_is_valid_and_changes_nothing(tmp_path: Path) -> None:
    assert scaffold.write_language(tmp_path).what == "wrote"
    assert load((tmp_path / "gauntlet.yaml").read_bytes()) == load(None)


def test_the_configurations_examples_are_valid_once_uncommented(tmp_path: Path) -> None:
    scaffold.write_language(tmp_path)
    lines = (tmp_path / "gauntlet.yaml").read_text().splitlines()
    start = lines.index("version: 1")
    text = "\n".join(line.removeprefix("# ") for line in lines[start:])
    assert load(text).settings("test:unit").timeout_s == 600.0


@pytest.mark.parametrize(
    "write",
    [
        scaffold.write_language,
        scaffold.write_agents,
        scaffold.write_hook,
        partial(scaffold.write_pipeline, host="gitlab"),
        partial(scaffold.write_pipeline, host="github"),
    ],
)
def test_writing_twice_changes_nothing(tmp_path: Path, write: scaffold.Writer) -> None:
    path = tmp_path / write(tmp_path).path
    before = path.read_text()
    assert write(tmp_path).what.startswith("kept")
    assert path.read_text() == before


def test_what_somebody_wrote_into_agents_md_stays(tmp_path: Path) -> None:
    path = tmp_path / "AGENTS.md"
    path.write_text("# Rules\n\nBe kind.\n")
    scaffold.write_agents(tmp_path)
    path.write_text(path.read_text().replace("gauntlet fast", "gauntlet old") + "\n## Mine\n")
    step = scaffold.write_agents(tmp_path)
    assert step.what.startswith("updated")
    text = path.read_text()
    assert text.startswith("# Rules\n\nBe kind.\n\n<!-- gauntlet:begin -->")
    assert text.endswith("<!-- gauntlet:end -->\n\n## Mine\n")
    assert text.count("## Gates") == 1
    assert "gauntlet old" not in text


HOOKED = [
    "repos:\n  - repo: https://example.org/a\n    rev: v1\n    hooks:\n      - id: a\n",
    "# ours\nrepos:\n- repo: https://example.org/a\n  rev: v1\n  hooks:\n  - id: a   # comment\n",
    "default_stages: [pre-commit]\nrepos:\n    - repo: local\n      hooks: []\n\n\n",
]


@pytest.mark.parametrize("before", HOOKED)
def test_the_hook_is_appended_and_nothing_else_changes(tmp_path: Path, before: str) -> None:
    path = tmp_path / ".pre-commit-config.yaml"
    path.write_text(before)
    assert scaffold.write_hook(tmp_path).what.startswith("updated")
    after = path.read_text()
    assert after.startswith(before.rstrip())
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    assert new["repos"][:-1] == old["repos"]
    assert new["repos"][-1]["hooks"][0]["id"] == "gauntlet"
    assert {key: value for key, value in new.items() if key != "repos"} == {
        key: value for key, value in old.items() if key != "repos"
    }


@pytest.mark.parametrize(
    "before",
    [
        "repos: []\n",
        "repos:\n  - repo: local\n    hooks: []\nfail_fast: true\n",
        "repos: [\n",
        "- a\n",
        "",
        "repos: 3\n",
    ],
)
def test_a_hook_file_of_an_unusual_form_is_left_alone_and_the_hook_is_shown(tmp_path: Path, before: str) -> None:
    path = tmp_path / ".pre-commit-config.yaml"
    path.write_text(before)
    step = scaffold.write_hook(tmp_path)
    assert path.read_text() == before
    assert "id: gauntlet" in step.add


def test_an_existing_pipeline_is_never_overwritten_and_the_job_is_shown(tmp_path: Path) -> None:
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text("test:\n  script: make\n")
    step = scaffold.write_pipeline(tmp_path, "gitlab")
    assert path.read_text() == "test:\n  script: make\n"
    assert "junit: .gauntlet/junit.xml" in step.add


@pytest.mark.parametrize("host", ["gitlab", "github"])
def test_the_pipelines_are_yaml_pinned_to_this_version_and_always_keep_their_reports(
    tmp_path: Path, host: scaffold.Host
) -> None:
    text = (tmp_path / scaffold.write_pipeline(tmp_path, host).path).read_text()
    assert "@VERSION@" not in text
    data = yaml.safe_load(text)
    if host == "gitlab":
        assert data[".gauntlet"]["artifacts"]["when"] == "always"
        assert data[".gauntlet"]["artifacts"]["reports"]["codequality"] == ".gauntlet/gl-code-quality.json"
        assert {"gauntlet:fast", "gauntlet:standard", "gauntlet:full"} <= set(data)
    else:
        steps = data["jobs"]["gauntlet"]["steps"]
        assert [step["if"] for step in steps if "if" in step] == ["always()", "always()"]


def test_the_ci_host_is_seen_by_its_files_or_its_remote(tmp_path: Path) -> None:
    assert scaffold.hosts_of(tmp_path, "git@gitlab.example.org:a/b.git") == ("gitlab",)
    assert scaffold.hosts_of(tmp_path, "https://github.com/a/b") == ("github",)
    assert scaffold.hosts_of(tmp_path, "") == ("gitlab",)
    (tmp_path / ".github").mkdir()
    assert scaffold.hosts_of(tmp_path, "") == ("github",)
    (tmp_path / ".gitlab-ci.yml").write_text("")
    assert scaffold.hosts_of(tmp_path, "") == ("gitlab", "github")
