"""The content store over a layout, spoken to as the daemon does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_buildkit.api import content_pb2
from gauntlet_engine.buildkit.content import ContentStores, OciLayout
from gauntlet_engine.buildkit.http2 import RpcStatus

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.message import Message

pytestmark = pytest.mark.anyio
INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED = 3, 5, 6, 7


class Call:
    """One call: what the daemon sends, and what it gets."""

    def __init__(self, store: str, *requests: Message) -> None:
        self.metadata = {"buildkit-attachable-store-id": [store]}
        self._requests = [request.SerializeToString() for request in requests]
        self.answers: list[bytes] = []

    async def receive(self) -> bytes | None:
        return self._requests.pop(0) if self._requests else None

    async def send(self, message: bytes) -> None:
        self.answers.append(message)

    async def flush(self) -> None:
        """Nothing waits."""


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


async def ask(stores: ContentStores, method: str, *requests: Message, store: str = "oci:s") -> list[bytes]:
    call: Any = Call(store, *requests)
    await stores.handlers()["/containerd.services.content.v1.Content/" + method](call)
    return call.answers


@pytest.fixture
def stores(tmp_path: Path) -> ContentStores:
    offered = ContentStores()
    (tmp_path / "ro/blobs/sha256").mkdir(parents=True)
    offered.add("s", OciLayout(tmp_path / "ro"))
    offered.add("local:w", OciLayout(tmp_path / "rw", writable=True))
    return offered


def write(data: bytes, **more: Any) -> content_pb2.WriteContentRequest:
    return content_pb2.WriteContentRequest(action=content_pb2.WRITE, data=data, **more)


async def test_a_blob_is_described_and_read_whole_or_in_part(stores: ContentStores, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "ro/blobs/sha256" / digest(data)[7:]).write_bytes(data)
    (info,) = await ask(stores, "Info", content_pb2.InfoRequest(digest=digest(data)))
    assert content_pb2.InfoResponse.FromString(info).info.size == len(data)
    for offset, size, expected in ((0, 0, data), (1000, 300_000, data[1000:301_000]), (len(data), 0, b"")):
        request = content_pb2.ReadContentRequest(digest=digest(data), offset=offset, size=size)
        pieces = [content_pb2.ReadContentResponse.FromString(a) for a in await ask(stores, "Read", request)]
        assert b"".join(piece.data for piece in pieces) == expected
    (listed,) = await ask(stores, "List", content_pb2.ListContentRequest())
    assert content_pb2.ListContentResponse.FromString(listed).info[0].digest == digest(data)


@pytest.mark.parametrize("name", ["../../secret", "sha256:../../x", "sha256:" + "A" * 64, "", "sha512:" + "a" * 128])
async def test_what_is_no_digest_never_becomes_a_path(stores: ContentStores, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("s")
    for method, request in (
        ("Info", content_pb2.InfoRequest(digest=name)),
        ("Read", content_pb2.ReadContentRequest(digest=name)),
    ):
        with pytest.raises(RpcStatus) as caught:
            await ask(stores, method, request)
        assert caught.value.code == INVALID_ARGUMENT


async def test_unknown_blobs_and_stores_are_not_found(stores: ContentStores) -> None:
    request = content_pb2.InfoRequest(digest=digest(b"x"))
    for store in ("oci:s", "oci:other", ""):
        with pytest.raises(RpcStatus) as caught:
            await ask(stores, "Info", request, store=store)
        assert caught.value.code == NOT_FOUND


async def test_a_blob_is_written_in_pieces_and_appears_when_committed(stores: ContentStores, tmp_path: Path) -> None:
    name = digest(b"hello world")
    answers = await ask(
        stores,
        "Write",
        content_pb2.WriteContentRequest(action=content_pb2.STAT, ref="r", total=11, expected=name),
        write(b"hello "),
        write(b"world", offset=6),
        content_pb2.WriteContentRequest(action=content_pb2.COMMIT, total=11, offset=11, expected=name),
        store="local:w",
    )
    offsets = [content_pb2.WriteContentResponse.FromString(answer).offset for answer in answers]
    assert offsets == [0, 6, 11, 11]
    assert content_pb2.WriteContentResponse.FromString(answers[-1]).digest == name
    assert [path.name for path in (tmp_path / "rw/blobs/sha256").iterdir()] == [name[7:]]
    with pytest.raises(RpcStatus) as caught:
        await ask(stores, "Write", content_pb2.WriteContentRequest(ref="r", expected=name), store="local:w")
    assert caught.value.code == ALREADY_EXISTS


@pytest.mark.parametrize(
    "requests",
    [
        (write(b"x"), content_pb2.WriteContentRequest(action=content_pb2.COMMIT, expected=digest(b"y"))),
        (write(b"x"), content_pb2.WriteContentRequest(action=content_pb2.COMMIT, total=2)),
        (write(b"x"), write(b"y", offset=5)),
    ],
    ids=["another digest", "another size", "a gap"],
)
async def test_a_blob_that_is_not_what_was_said_leaves_nothing(
    stores: ContentStores, tmp_path: Path, requests: tuple[Message, ...]
) -> None:
    with pytest.raises(RpcStatus) as caught:
        await ask(stores, "Write", *requests, store="local:w")
    assert caught.value.code == INVALID_ARGUMENT
    assert list((tmp_path / "rw/blobs/sha256").iterdir()) == []


async def test_a_read_only_layout_takes_nothing_and_loses_nothing(stores: ContentStores, tmp_path: Path) -> None:
    (tmp_path / "ro/blobs/sha256" / digest(b"x")[7:]).write_bytes(b"x")
    for method, request in (("Write", write(b"y")), ("Delete", content_pb2.DeleteContentRequest(digest=digest(b"x")))):
        with pytest.raises(RpcStatus) as caught:
            await ask(stores, method, request)
        assert caught.value.code == PERMISSION_DENIED
    assert [path.read_bytes() for path in (tmp_path / "ro/blobs/sha256").iterdir()] == [b"x"]
