from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gauntlet.cli.checkout import base_tree, look_at
from gauntlet.cli.language import read_language
from gauntlet.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from .conftest import Clone

STAGE = (
    "from gauntlet.stage import Tier, stage\n"
    '@stage(id="own:thing", tier=Tier.FAST, summary="{}")\nasync def run(context): ...\n'
)


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "there is no such folder"), ("file", "that is a file"), ("empty", "the folder is empty")],
)
def test_a_source_that_is_none_is_refused_with_the_reason(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=message) as caught:
        look_at(str(tmp_path / name), None)
    assert caught.value.diagnostics()


def test_an_empty_repository_is_an_empty_folder(clone: Clone) -> None:
    with pytest.raises(SourceError, match="the folder is empty"):
        look_at(str(clone.root), None)


def test_without_git_there_is_no_repository_and_no_note(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    checkout = look_at(str(tmp_path), None)
    assert (checkout.repository, checkout.changed, checkout.notes) == (None, None, ())


def test_a_repository_without_a_commit_works(clone: Clone) -> None:
    clone.write(a_dot_py="x = 1\n")
    checkout = look_at(str(clone.root), None)
    assert checkout.repository is not None
    assert (checkout.repository.head, checkout.trusted) == (None, None)


def test_the_project_around_the_current_folder_is_the_default(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.commit(sub__pyproject_dot_toml="[project]\n", sub__src__a_dot_py="x = 1\n", b__c_dot_py="y = 1\n")
    monkeypatch.chdir(clone.root / "sub" / "src")
    assert look_at(None, None).root == clone.root / "sub"
    monkeypatch.chdir(clone.root / "b")
    assert look_at(None, None).root == clone.root


def test_changed_are_commits_edits_deletions_and_new_files_but_nothing_ignored(clone: Clone) -> None:
    clone.commit(_dot_gitignore="ignored\n", kept_dot_py="1", edited_dot_py="1", removed_dot_py="1", moved_dot_py="1")
    clone.git("checkout", "--quiet", "-b", "change")
    clone.git("mv", "moved.py", "arrived.py")
    clone.commit(committed_dot_py="1")
    clone.write(edited_dot_py="2", new_dot_py="1", ignored="1")
    (clone.root / "removed.py").unlink()
    assert look_at(str(clone.root), "main").changed == {
        "arrived.py", "moved.py", "committed.py", "edited.py", "removed.py", "new.py",
    }  # fmt: skip


def test_the_base_is_where_the_change_left_it_not_what_was_merged_since(clone: Clone) -> None:
    start = clone.commit(a_dot_py="1")
    clone.git("checkout", "--quiet", "-b", "change")
    clone.commit(b_dot_py="1")
    clone.git("checkout", "--quiet", "main")
    clone.commit(c_dot_py="1")
    clone.git("checkout", "--quiet", "change")
    checkout = look_at(str(clone.root), "main")
    assert checkout.base == start
    assert checkout.changed == {"b.py"}


def test_paths_of_a_subfolder_are_relative_to_it(clone: Clone) -> None:
    clone.commit(sub__a_dot_py="1", other_dot_py="1")
    clone.write(sub__a_dot_py="2", other_dot_py="2", sub__new_dot_py="1")
    checkout = look_at(str(clone.root / "sub"), "HEAD")
    assert checkout.changed == {"a.py", "new.py"}
    assert checkout.committed("HEAD", "a.py") == b"1"
    assert checkout.committed("HEAD", "other.py") is None


def test_names_with_spaces_newlines_and_other_bytes_survive(clone: Clone) -> None:
    clone.commit(a_dot_py="1")
    odd = [b"with space.py", b"line\nbreak.py", b"caf\xe9.py", "日本.py".encode(), b"-dash.py", b'quo"te.py']
    for name in odd:
        (clone.root / os.fsdecode(name)).write_text("1")
    assert look_at(str(clone.root), "HEAD").changed == {os.fsdecode(name) for name in odd}


@pytest.mark.parametrize("base", ["nowhere", "--help", "HEAD:a.py", "", " "])
def test_a_base_that_is_none_is_refused(clone: Clone, base: str) -> None:
    clone.commit(a_dot_py="1")
    with pytest.raises(SourceError, match="there is no such commit, branch or tag"):
        look_at(str(clone.root), base)


def test_a_base_without_a_common_commit_says_what_to_do(clone: Clone) -> None:
    clone.commit(a_dot_py="1")
    clone.git("checkout", "--quiet", "--orphan", "other")
    clone.commit(b_dot_py="1")
    with pytest.raises(SourceError, match="no commit in common") as caught:
        look_at(str(clone.root), "main")
    assert "git fetch --unshallow" in caught.value.diagnostics()


def test_a_hooks_environment_does_not_lead_elsewhere(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = clone.commit(a_dot_py="1")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    checkout = look_at(str(clone.root), "HEAD")
    assert checkout.repository is not None
    assert checkout.repository.head == head


def test_the_bases_tree_is_written_as_it_was_whatever_the_change_says(clone: Clone, tmp_path: Path) -> None:
    clone.commit(sub__a_dot_py="old", sub__b_dot_py="b", sub__run_dot_sh="#!/bin/sh\n", other_dot_py="x")
    (clone.root / "sub" / "run.sh").chmod(0o755)
    (clone.root / "sub" / "link").symlink_to("/etc/passwd")
    base = clone.commit()
    clone.commit(sub___dot_gitattributes="* export-ignore\n", sub__a_dot_py="new", sub__c_dot_py="c")
    checkout = look_at(str(clone.root / "sub"), base)
    tree = base_tree(checkout, tmp_path / "cache")
    assert {path.name for path in tree.iterdir()} == {"a.py", "b.py", "run.sh", "link"}
    assert (tree / "a.py").read_text() == "old"
    assert os.access(tree / "run.sh", os.X_OK)
    assert (tree / "link").readlink() == Path("/etc/passwd")
    assert clone.git("status", "--porcelain") == ""
    assert base_tree(checkout, tmp_path / "cache") == tree


def test_a_folder_that_is_new_in_the_change_has_an_empty_base(clone: Clone, tmp_path: Path) -> None:
    base = clone.commit(a_dot_py="1")
    clone.commit(sub__a_dot_py="1")
    assert list(base_tree(look_at(str(clone.root / "sub"), base), tmp_path / "cache").iterdir()) == []


def test_two_runs_at_once_write_one_base(clone: Clone, tmp_path: Path) -> None:
    clone.commit(**{f"f{number}_dot_py": "1" for number in range(50)})
    checkout = look_at(str(clone.root), "HEAD")
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(base_tree(checkout, tmp_path / "cache"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 6
    assert len(list(found[0].iterdir())) == 50
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [found[0].name]


def test_only_a_few_bases_are_kept(clone: Clone, tmp_path: Path) -> None:
    commits = [clone.commit(a_dot_py=str(number)) for number in range(6)]
    written = [base_tree(look_at(str(clone.root), commit), tmp_path / "cache") for commit in commits]
    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 3
    assert written[-1] in kept


def test_custom_stages_run_as_committed_and_never_from_the_working_tree(clone: Clone) -> None:
    clone.commit(gauntlet_dot_yaml="custom_stages: [s.py]\n", s_dot_py=STAGE.format("committed"))
    clone.write(s_dot_py="raise SystemExit('this must not run')\n")
    language = read_language(look_at(str(clone.root), None))
    assert language.stages["own:thing"].summary == "committed"


def test_a_change_can_not_bring_its_own_custom_stage_when_there_is_a_base(clone: Clone) -> None:
    base = clone.commit(gauntlet_dot_yaml="custom_stages: [s.py]\n", s_dot_py=STAGE.format("base"))
    clone.commit(s_dot_py=STAGE.format("change"))
    assert read_language(look_at(str(clone.root), base)).stages["own:thing"].summary == "base"


def test_a_custom_stage_that_is_not_committed_says_so(clone: Clone) -> None:
    clone.commit(a_dot_py="1")
    clone.write(gauntlet_dot_yaml="custom_stages: [s.py]\n", s_dot_py=STAGE.format("x"))
    with pytest.raises(ConfigError, match=r"gauntlet.yaml:1:17: 's.py' is not in HEAD; commit it first"):
        read_language(look_at(str(clone.root), None))


def test_a_custom_stage_that_is_a_link_out_of_the_tree_is_not_followed(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(STAGE.format("outside"))
    clone.write(gauntlet_dot_yaml="custom_stages: [s.py]\n")
    (clone.root / "s.py").symlink_to(tmp_path / "outside.py")
    clone.commit()
    with pytest.raises(ConfigError, match=r"'s.py' is not in HEAD"):
        read_language(look_at(str(clone.root), None))


def test_a_configuration_that_is_a_folder_is_a_problem(clone: Clone) -> None:
    (clone.root / "gauntlet.yaml").mkdir()
    clone.commit(a_dot_py="1")
    with pytest.raises(ConfigError, match=r"gauntlet.yaml:1:1: can't be read: Is a directory"):
        read_language(look_at(str(clone.root), None))
