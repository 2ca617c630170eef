from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gauntlet_buildkit.api import ops_pb2
from gauntlet_engine.graph import (
    Bind,
    Copy,
    Diff,
    Exec,
    FileChange,
    Merge,
    Mkdir,
    Mkfile,
    Output,
    Source,
    empty_tree,
    from_definition,
    marshal,
)

PLATFORM = "linux/amd64"


def image(name: str) -> Output:
    return Output(Source(platform=PLATFORM, name=name, identifier=f"docker-image://{name}"))


def written(base: Output | None, text: str) -> Output:
    made = Mkfile(f"/{text}", text.encode())
    return Output(FileChange(platform=PLATFORM, name=f"write {text}", base=base, actions=(made,)))


def raw_ops(definition: ops_pb2.Definition) -> list[bytes]:
    return list(getattr(definition, "def"))


@st.composite
def graphs(draw: st.DrawFn) -> Output:
    """A random graph in which ops share inputs."""
    outputs = [image("a"), image("b")]
    for number in range(draw(st.integers(1, 12))):
        first, second = draw(st.sampled_from(outputs)), draw(st.sampled_from(outputs))
        match draw(st.sampled_from(["write", "merge", "diff", "copy", "exec"])):
            case "write":
                outputs.append(written(first, f"file{number}"))
            case "merge":
                outputs.append(Output(Merge(platform=PLATFORM, name="merge", layers=(first, second))))
            case "diff":
                outputs.append(Output(Diff(platform=PLATFORM, name="diff", lower=first, upper=second)))
            case "copy":
                copied = Copy(second, "/a", "/b")
                change = FileChange(platform=PLATFORM, name="copy", base=first, actions=(Mkdir("/b"), copied))
                outputs.append(Output(change))
            case _:
                process = Exec(
                    platform=PLATFORM,
                    name="run",
                    args=("true", str(number)),
                    env=(),
                    cwd="/",
                    root=first,
                    mounts=(Bind("/m", second, kept=True),),
                )
                outputs.append(process.output_of("/m"))
    return outputs[-1]


@given(graphs())
def test_every_op_comes_after_its_inputs_and_once(output: Output) -> None:
    seen: set[str] = set()
    *ops, terminal = raw_ops(marshal(output))
    for raw in ops:
        assert all(source.digest in seen for source in ops_pb2.Op.FromString(raw).inputs)
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        assert digest not in seen
        seen.add(digest)
    (source,) = ops_pb2.Op.FromString(terminal).inputs
    assert (source.digest, source.index) == (output.op.digest, output.index)


@given(graphs())
def test_a_definition_read_back_is_the_same_graph(output: Output) -> None:
    definition = marshal(output)
    back = from_definition(definition, platform=PLATFORM)
    assert back == output
    assert back is not None
    assert raw_ops(marshal(back)) == raw_ops(definition)


@given(graphs())
def test_ops_appended_to_a_definition_read_back_are_the_same_ops(output: Output) -> None:
    back = from_definition(marshal(output), platform=PLATFORM)
    assert written(back, "more").digest == written(output, "more").digest


def test_a_definition_without_ops_is_the_empty_tree() -> None:
    assert from_definition(ops_pb2.Definition(), platform=PLATFORM) is None


def test_a_chain_of_thousands_of_ops_is_ordinary() -> None:
    output = image("base")
    for number in range(3000):
        output = written(output, str(number))
    assert len(raw_ops(marshal(output))) == 3002


def test_names_reach_the_progress_and_ignored_ops_are_marked() -> None:
    output = written(image("base"), "a")
    definition = marshal(output, ignore_cache=[output.op.digest])
    metadata: Any = definition.metadata[output.op.digest]
    assert metadata.description["llb.customname"] == "write a"
    assert metadata.ignore_cache
    base: Any = definition.metadata[output.op.inputs[0].op.digest]
    assert not base.ignore_cache


def test_an_execs_outputs_are_its_root_and_then_its_kept_mounts() -> None:
    process = Exec(
        platform=PLATFORM,
        name="run",
        args=("true",),
        env=(),
        cwd="/",
        root=None,
        mounts=(Bind("/a", None, kept=True), Bind("/b", image("b"), readonly=True), Bind("/c", None, kept=True)),
    )
    message = ops_pb2.Op.FromString(process.data)
    outputs = {mount.dest: mount.output for mount in message.exec.mounts}
    assert outputs == {"/": 0, "/a": 1, "/b": -1, "/c": 2}
    assert process.output_of("/c").index == 2


def test_actions_of_a_file_change_build_on_each_other() -> None:
    actions = (Mkdir("/a"), Copy(image("other"), "/x", "/a/x"), Mkfile("/a/y", b""))
    change = FileChange(platform=PLATFORM, name="three", base=image("base"), actions=actions)
    encoded = ops_pb2.Op.FromString(change.data).file.actions
    assert [action.input for action in encoded] == [0, 2, 3]
    assert [action.secondaryInput for action in encoded] == [-1, 1, -1]
    assert [action.output for action in encoded] == [-1, -1, 0]


def test_the_empty_tree_can_be_an_op() -> None:
    assert len(raw_ops(marshal(empty_tree(PLATFORM)))) == 2
