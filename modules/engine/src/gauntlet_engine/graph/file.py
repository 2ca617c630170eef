"""Changing a tree without running anything in it."""

from __future__ import annotations

from dataclasses import dataclass

from gauntlet_buildkit.api import ops_pb2
from gauntlet_engine.graph.op import EMPTY_INPUT, NO_OUTPUT, Inputs, Op, Output

KEEP = -1
"""A timestamp or mode that stays as it is (new files: now)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Numeric ids that a new file belongs to."""

    user: int
    group: int


@dataclass(frozen=True, slots=True)
class Mkdir:
    """Make a directory. One that exists is left as it is; `mode` has permission bits only."""

    path: str
    mode: int = 0o755
    parents: bool = True
    owner: Owner | None = None
    timestamp: int = KEEP


@dataclass(frozen=True, slots=True)
class Mkfile:
    """Write a file whose parent exists. An existing file keeps its mode."""

    path: str
    data: bytes
    mode: int = 0o644
    owner: Owner | None = None
    timestamp: int = KEEP


@dataclass(frozen=True, slots=True)
class Symlink:
    """Make a symbolic link at `path`, whose parent exists and which does not."""

    path: str
    target: str
    timestamp: int = KEEP


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a path with everything below it; one that is missing is fine."""

    path: str
    wildcard: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy `path` of `source` to `target`.

    Args:
        source: the tree to copy from; None is the empty one.
        path: in `source`.
        target: in the tree that the op changes; its parents are made.
        contents: `path` is a directory whose *contents* go into `target`.
        include: BuildKit patterns of what to copy, relative to `path`; empty for everything.
        exclude: BuildKit patterns of what to leave out.
        owner: of all that is copied; None keeps it.
        mode: permission bits of all that is copied (KEEP keeps them).
        timestamp: nanoseconds since the epoch for all that is copied (KEEP keeps them).
        replace: a file may replace a directory of the target and the other way round.
        follow: a symlink at `path` is followed.
    """

    source: Output | None
    path: str
    target: str
    contents: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    owner: Owner | None = None
    mode: int = KEEP
    timestamp: int = KEEP
    replace: bool = False
    follow: bool = False


Action = Mkdir | Mkfile | Symlink | Remove | Copy


@dataclass(frozen=True, eq=False)
class FileChange(Op):
    """`actions` applied to `base` one after the other; output 0 is the changed tree."""

    base: Output | None
    actions: tuple[Action, ...]

    def encode(self, message: ops_pb2.Op, inputs: Inputs) -> None:
        """Fill in the actions; each one's input is the result of the one before."""
        base = inputs.add(self.base)
        encoded = [self._encode_action(action, inputs) for action in self.actions]
        # Results of earlier actions are numbered after the inputs, hence only once all of these are known.
        first_result = len(inputs.outputs)
        for position, action in enumerate(encoded):
            action.input = base if position == 0 else first_result + position - 1
            action.output = 0 if position == len(encoded) - 1 else NO_OUTPUT
        message.file.actions.extend(encoded)

    def _encode_action(self, action: Action, inputs: Inputs) -> ops_pb2.FileAction:
        message = ops_pb2.FileAction(secondaryInput=EMPTY_INPUT)
        match action:
            case Mkdir():
                message.mkdir.CopyFrom(
                    ops_pb2.FileActionMkDir(
                        path=action.path,
                        mode=action.mode,
                        makeParents=action.parents,
                        owner=_owner(action.owner),
                        timestamp=action.timestamp,
                    )
                )
            case Mkfile():
                message.mkfile.CopyFrom(
                    ops_pb2.FileActionMkFile(
                        path=action.path,
                        mode=action.mode,
                        data=action.data,
                        owner=_owner(action.owner),
                        timestamp=action.timestamp,
                    )
                )
            case Symlink():
                message.symlink.CopyFrom(
                    ops_pb2.FileActionSymlink(oldpath=action.target, newpath=action.path, timestamp=action.timestamp)
                )
            case Remove():
                message.rm.CopyFrom(
                    ops_pb2.FileActionRm(path=action.path, allowNotFound=True, allowWildcard=action.wildcard)
                )
            case Copy():
                message.secondaryInput = inputs.add(action.source)
                message.copy.CopyFrom(_copy(action))
        return message


def empty_tree(platform: str) -> Output:
    """The empty tree as an op of its own, for what cannot do without one."""
    return Output(FileChange(platform=platform, name="empty directory", base=None, actions=(Mkdir("/"),)))


def _copy(action: Copy) -> ops_pb2.FileActionCopy:
    return ops_pb2.FileActionCopy(
        src=action.path,
        dest=action.target,
        owner=_owner(action.owner),
        mode=action.mode,
        timestamp=action.timestamp,
        followSymlink=action.follow,
        dirCopyContents=action.contents,
        createDestPath=True,
        include_patterns=action.include,
        exclude_patterns=action.exclude,
        alwaysReplaceExistingDestPaths=action.replace,
    )


def _owner(owner: Owner | None) -> ops_pb2.ChownOpt | None:
    if owner is None:
        return None
    return ops_pb2.ChownOpt(user=ops_pb2.UserOpt(byID=owner.user), group=ops_pb2.UserOpt(byID=owner.group))
