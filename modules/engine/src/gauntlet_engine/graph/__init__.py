"""Immutable operations with content digests, and their translation to BuildKit's LLB. Nothing here does I/O."""

from gauntlet_engine.graph.definition import Imported, from_definition, marshal
from gauntlet_engine.graph.file import KEEP, Action, Copy, FileChange, Mkdir, Mkfile, Owner, Remove, Symlink, empty_tree
from gauntlet_engine.graph.op import Op, Output
from gauntlet_engine.graph.process import Bind, Cache, Exec, Mount, SecretFile, Socket, Tmpfs, gateway_mounts
from gauntlet_engine.graph.source import Source, local_source
from gauntlet_engine.graph.tree import Diff, Merge

__all__ = [
    "KEEP",
    "Action",
    "Bind",
    "Cache",
    "Copy",
    "Diff",
    "Exec",
    "FileChange",
    "Imported",
    "Merge",
    "Mkdir",
    "Mkfile",
    "Mount",
    "Op",
    "Output",
    "Owner",
    "Remove",
    "SecretFile",
    "Socket",
    "Source",
    "Symlink",
    "Tmpfs",
    "empty_tree",
    "from_definition",
    "gateway_mounts",
    "local_source",
    "marshal",
]
