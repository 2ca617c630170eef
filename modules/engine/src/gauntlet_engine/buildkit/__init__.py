"""A client of BuildKit: channel, session, builds, exports and progress."""

from gauntlet_engine.buildkit.build import META_MOUNT, Build, ResolvedImage, ResultRef, Stat
from gauntlet_engine.buildkit.client import CacheRecord, Client, DaemonInfo, connect
from gauntlet_engine.buildkit.container import GatewayContainer, GatewayProcess
from gauntlet_engine.buildkit.content import OciLayout
from gauntlet_engine.buildkit.errors import (
    DaemonGone,
    EngineError,
    ExecFailed,
    HostPathError,
    NotFound,
    SessionGone,
    SolveCancelled,
    SolveError,
    SolveFailed,
)
from gauntlet_engine.buildkit.export import PushedImage, export_local, export_oci, export_tar, push_image
from gauntlet_engine.buildkit.filesync import LocalDir
from gauntlet_engine.buildkit.progress import Event, VertexCompleted, VertexLog, VertexStarted, VertexStatus
from gauntlet_engine.buildkit.session import Attachables, Session

__all__ = [
    "META_MOUNT",
    "Attachables",
    "Build",
    "CacheRecord",
    "Client",
    "DaemonGone",
    "DaemonInfo",
    "EngineError",
    "Event",
    "ExecFailed",
    "GatewayContainer",
    "GatewayProcess",
    "HostPathError",
    "LocalDir",
    "NotFound",
    "OciLayout",
    "PushedImage",
    "ResolvedImage",
    "ResultRef",
    "Session",
    "SessionGone",
    "SolveCancelled",
    "SolveError",
    "SolveFailed",
    "Stat",
    "VertexCompleted",
    "VertexLog",
    "VertexStarted",
    "VertexStatus",
    "connect",
    "export_local",
    "export_oci",
    "export_tar",
    "push_image",
]
