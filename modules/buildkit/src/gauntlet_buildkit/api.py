"""BuildKit's gRPC messages and services under short names.

Each `*_pb2` has the messages of a .proto file, each `*_pb2_grpc` the client stubs and servicers of its services.
"""

from gauntlet_buildkit.pb.github.com.containerd.containerd.api.services.content.v1 import (
    content_pb2,
    content_pb2_grpc,
)
from gauntlet_buildkit.pb.github.com.moby.buildkit.api.services.control import control_pb2, control_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.api.types import worker_pb2
from gauntlet_buildkit.pb.github.com.moby.buildkit.frontend.gateway.pb import gateway_pb2, gateway_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.auth import auth_pb2, auth_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.exporter import exporter_pb2, exporter_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.filesync import filesync_pb2, filesync_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.secrets import secrets_pb2, secrets_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.sshforward import ssh_pb2 as sshforward_pb2
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.sshforward import ssh_pb2_grpc as sshforward_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.session.upload import upload_pb2, upload_pb2_grpc
from gauntlet_buildkit.pb.github.com.moby.buildkit.solver.errdefs import errdefs_pb2
from gauntlet_buildkit.pb.github.com.moby.buildkit.solver.pb import ops_pb2
from gauntlet_buildkit.pb.github.com.moby.buildkit.sourcepolicy.pb import policy_pb2
from gauntlet_buildkit.pb.github.com.moby.buildkit.util.apicaps.pb import caps_pb2
from gauntlet_buildkit.pb.github.com.tonistiigi.fsutil.types import stat_pb2, wire_pb2

__all__ = [
    "auth_pb2",
    "auth_pb2_grpc",
    "caps_pb2",
    "content_pb2",
    "content_pb2_grpc",
    "control_pb2",
    "control_pb2_grpc",
    "errdefs_pb2",
    "exporter_pb2",
    "exporter_pb2_grpc",
    "filesync_pb2",
    "filesync_pb2_grpc",
    "gateway_pb2",
    "gateway_pb2_grpc",
    "ops_pb2",
    "policy_pb2",
    "secrets_pb2",
    "secrets_pb2_grpc",
    "sshforward_pb2",
    "sshforward_pb2_grpc",
    "stat_pb2",
    "upload_pb2",
    "upload_pb2_grpc",
    "wire_pb2",
    "worker_pb2",
]
