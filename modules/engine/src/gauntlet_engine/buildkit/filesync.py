"""Directories of the host, sent to the daemon as BuildKit's file sync asks for them."""

from __future__ import annotations

import stat
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import anyio
from anyio import to_thread

from gauntlet_engine.buildkit.faults import HOST_PATH_MARK
from gauntlet_engine.buildkit.http2 import INTERNAL, NOT_FOUND, RpcStatus, Stream
from gauntlet_engine.buildkit.stat import posix_mode
from gauntlet_engine.buildkit.walk import Selection, WalkError, followed, walk
from gauntlet_engine.buildkit.wire import DATA, ERR, FIN, REQ, STAT, Packet, decode_packet, encode_packet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gauntlet_engine.buildkit.http2 import Handler
    from gauntlet_engine.buildkit.wire import FileStat

_ENTRIES = 1000  # entries walked in one go: the event loop stays responsive, and the daemon starts early
_FILES = 256  # small files read in one go
_LAST_WORD_S = 2.0
_PIECE = 512 << 10  # bytes read and sent at once
_END_OF_STATS = encode_packet(Packet(STAT))
_FINISHED = encode_packet(Packet(FIN))


@dataclass(frozen=True)
class LocalDir:
    """A host directory that the daemon may read under one name.

    Args:
        path: absolute; its symlinks are resolved at each read.
        include: BuildKit patterns (dockerignore syntax); empty means everything.
        exclude: the same; wins over include; `!pattern` takes back.
        gitignore: also leave out what .gitignore files (in it, and above it up to the work tree's root) ignore.

    Patterns in the op's own attributes (local.includepattern, local.excludepatterns, local.followpaths) apply as well.
    """

    path: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = False


class FileSync:
    """`FileSync/DiffCopy`: the daemon reads a directory, asking only for files that it does not have."""

    def __init__(self) -> None:
        self._directories: dict[str, LocalDir] = {}

    def add(self, name: str, directory: LocalDir) -> None:
        """Offer a directory."""
        self._directories[name] = directory

    def handlers(self) -> Mapping[str, Handler]:
        """By method name."""
        return {"/moby.filesync.v1.FileSync/DiffCopy": self._diff_copy}

    async def _diff_copy(self, stream: Stream) -> None:
        name = "".join(_values(stream, "dir-name"))
        directory = self._directories.get(name)
        if directory is None:
            raise RpcStatus(NOT_FOUND, f"no host directory is offered as {name!r}")
        try:
            await _Transfer(stream, directory).run()
        except (WalkError, ValueError) as error:
            message = f"{HOST_PATH_MARK}{error}"
            await stream.send(encode_packet(Packet(ERR, data=message.encode(errors="replace"))))
            await stream.flush()
            # The call's end cancels what reads it in the daemon: if that comes first, the user is told of a
            # cancellation. So the daemon has the first word after ours: it answers, or resets the stream.
            with anyio.move_on_after(_LAST_WORD_S):
                while (answer := await stream.receive()) is not None and decode_packet(answer).kind == REQ:
                    pass
            raise RpcStatus(INTERNAL, message) from None


class _Transfer:
    def __init__(self, stream: Stream, directory: LocalDir) -> None:
        self._stream = stream
        self._root = directory.path
        self._directory = directory
        self._files: dict[int, FileStat] = {}
        self._wanted: deque[int] = deque()
        self._asked = anyio.Event()

    async def run(self) -> None:
        failure: list[Exception] = []
        async with anyio.create_task_group() as tasks:

            async def guarded(step: Handler) -> None:
                try:
                    await step(self._stream)
                except (WalkError, ValueError) as error:
                    failure.append(error)
                    tasks.cancel_scope.cancel()

            tasks.start_soon(guarded, self._send_stats)
            tasks.start_soon(guarded, self._send_files)
            await self._obey()
            tasks.cancel_scope.cancel()
        if failure:
            raise failure[0]

    async def _obey(self) -> None:
        """Take in the daemon's requests until it has all it wants."""
        while (message := await self._stream.receive()) is not None:
            packet = decode_packet(message)
            if packet.kind == REQ:
                self._wanted.append(packet.id)
                self._asked.set()
            elif packet.kind == FIN:
                await self._stream.send(_FINISHED)
                await self._stream.flush()
                return
            elif packet.kind == ERR:
                raise RpcStatus(INTERNAL, packet.data.decode(errors="replace"))

    async def _send_stats(self, stream: Stream) -> None:
        entries = await to_thread.run_sync(self._open_walk)
        count = 0
        while True:
            batch, packets = await to_thread.run_sync(_walked, entries)
            for entry in batch:
                if stat.S_ISREG(posix_mode(entry.mode)):
                    self._files[count] = entry
                count += 1
            for packet in packets:
                await stream.send(packet)
            if not batch:
                await stream.send(_END_OF_STATS)
                await stream.flush()
                return

    def _open_walk(self) -> Iterator[FileStat]:
        self._root = self._directory.path.resolve()
        include = _values(self._stream, "include-patterns")
        if targets := _values(self._stream, "followpaths"):
            include = [*include, *followed(self._root, targets)]
        asked = Selection(include, _values(self._stream, "exclude-patterns"))
        own = Selection(self._directory.include, self._directory.exclude)
        return walk(self._root, (own, asked), gitignore=self._directory.gitignore)

    async def _send_files(self, stream: Stream) -> None:
        while True:
            await stream.flush()
            while not self._wanted:  # no await between this look and the new event: a request would be missed
                self._asked = anyio.Event()
                await self._asked.wait()
            for packet in await to_thread.run_sync(self._read_small):
                await stream.send(packet)
            if self._wanted and self._files[self._wanted[0]].size > _PIECE:
                await self._send_large(self._wanted.popleft())

    def _read_small(self) -> list[bytes]:
        packets: list[bytes] = []
        size = 0
        while self._wanted and len(packets) < 2 * _FILES and size < _PIECE:
            number = self._wanted[0]
            if number not in self._files:
                raise ValueError(f"the daemon asks for an entry that is no file: {number}")
            if self._files[number].size > _PIECE:
                break
            self._wanted.popleft()
            data = self._read(number, 0, -1)
            size += len(data)
            if data:
                packets.append(encode_packet(Packet(DATA, id=number, data=data)))
            packets.append(encode_packet(Packet(DATA, id=number)))
        return packets

    async def _send_large(self, number: int) -> None:
        offset = 0
        while data := await to_thread.run_sync(self._read, number, offset, _PIECE):
            offset += len(data)
            await self._stream.send(encode_packet(Packet(DATA, id=number, data=data)))
        await self._stream.send(encode_packet(Packet(DATA, id=number)))

    def _read(self, number: int, offset: int, length: int) -> bytes:
        path = self._root / self._files[number].path
        try:
            with path.open("rb") as file:
                if offset:
                    file.seek(offset)
                return file.read(length)
        except OSError as error:
            # Sending it as empty (as BuildKit's own client does) would let a check pass on a file that it never saw.
            raise WalkError(f"{path} changed while the tree was read: {error.strerror}. Run again.") from error


def _walked(entries: Iterator[FileStat]) -> tuple[list[FileStat], list[bytes]]:
    batch = list(islice(entries, _ENTRIES))
    return batch, [encode_packet(Packet(STAT, stat=entry)) for entry in batch]


def _values(stream: Stream, key: str) -> list[str]:
    values = stream.metadata.get(key, [])
    if stream.metadata.get(f"{key}-encoded") == ["1"]:
        return [unquote_plus(value, errors="surrogateescape") for value in values]
    return values
