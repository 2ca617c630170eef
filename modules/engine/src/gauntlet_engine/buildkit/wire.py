"""fsutil's packets on the wire.

Written and read by hand, not with protobuf's classes: a file name is a `string` field there, which Python's protobuf
refuses unless it is UTF-8, and a host's file names need not be. It is also faster for the thousands of small
messages of a sync. Names are `str` with surrogate escapes for such bytes, as everywhere in Python.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STAT, REQ, DATA, FIN, ERR = range(5)

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LOW = 0x7F
_MORE = 0x80
_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class FileStat:
    """fsutil's Stat. `mode` holds Go's FileMode bits, `mod_time` nanoseconds since the epoch."""

    path: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    mod_time: int = 0
    linkname: str = ""
    dev_major: int = 0
    dev_minor: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """fsutil's Packet. A STAT without `stat` ends the list, a DATA without `data` a file."""

    kind: int
    stat: FileStat | None = None
    id: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class StatList:
    """The gateway's ReadDirResponse{entries = 1} and StatFileResponse{stat = 1}, whatever bytes the names have."""

    stats: tuple[FileStat, ...]

    @staticmethod
    def FromString(data: bytes) -> StatList:  # noqa: N802  protobuf's name: this stands in for its messages
        """Of a serialised message."""
        return StatList(tuple(decode_stat(value) for value in decode_list(data, 1)))


@dataclass(frozen=True, slots=True)
class PathRequest:
    """A gateway request for a path: ReadFileRequest, ReadDirRequest or StatFileRequest, whose first fields agree.

    `more` are further fields, serialised.
    """

    ref: str
    path: str
    more: bytes = b""

    def SerializeToString(self) -> bytes:  # noqa: N802  see StatList
        """As protobuf would, but for names that are not UTF-8."""
        ref, path = self.ref.encode(), os.fsencode(self.path)
        return b"\x0a" + varint(len(ref)) + ref + b"\x12" + varint(len(path)) + path + self.more


def varint(value: int) -> bytes:
    """A number as protobuf writes it; negative ones in 64-bit two's complement."""
    value &= _U64
    out = bytearray()
    while value > _LOW:
        out.append(value & _LOW | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_stat(stat: FileStat) -> bytes:
    """Stat's bytes; zero values are left out, as proto3 does."""
    out = bytearray()
    path = os.fsencode(stat.path)
    out += b"\x0a" + varint(len(path)) + path
    for tag, value in (
        (b"\x10", stat.mode),
        (b"\x18", stat.uid),
        (b"\x20", stat.gid),
        (b"\x28", stat.size),
        (b"\x30", stat.mod_time),
    ):
        if value:
            out += tag + varint(value)
    if stat.linkname:
        link = os.fsencode(stat.linkname)
        out += b"\x3a" + varint(len(link)) + link
    if stat.dev_major:
        out += b"\x40" + varint(stat.dev_major)
    if stat.dev_minor:
        out += b"\x48" + varint(stat.dev_minor)
    return bytes(out)


def encode_packet(packet: Packet) -> bytes:
    """Packet's bytes."""
    out = bytearray()
    if packet.kind:
        out += b"\x08" + varint(packet.kind)
    if packet.stat is not None:
        stat = encode_stat(packet.stat)
        out += b"\x12" + varint(len(stat)) + stat
    if packet.id:
        out += b"\x18" + varint(packet.id)
    if packet.data:
        out += b"\x22" + varint(len(packet.data)) + packet.data
    return bytes(out)


def decode_packet(data: bytes) -> Packet:
    """Packet of its bytes; unknown fields are skipped. Raises ValueError on anything malformed."""
    kind = number = 0
    stat: FileStat | None = None
    payload = b""
    for field, value in _fields(data):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field == 2 and isinstance(value, bytes):  # noqa: PLR2004  field numbers of the .proto
            stat = decode_stat(value)
        elif field == 3 and isinstance(value, int):  # noqa: PLR2004
            number = value
        elif field == 4 and isinstance(value, bytes):  # noqa: PLR2004
            payload = value
    return Packet(kind, stat, number, payload)


def decode_stat(data: bytes) -> FileStat:
    """Stat of its bytes; extended attributes are skipped. Raises ValueError on anything malformed."""
    numbers = {2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 8: 0, 9: 0}
    names = {1: "", 7: ""}
    for field, value in _fields(data):
        if field in numbers and isinstance(value, int):
            numbers[field] = value
        elif field in names and isinstance(value, bytes):
            names[field] = os.fsdecode(value)
    return FileStat(
        path=names[1],
        mode=numbers[2],
        uid=numbers[3],
        gid=numbers[4],
        size=_signed(numbers[5]),
        mod_time=_signed(numbers[6]),
        linkname=names[7],
        dev_major=_signed(numbers[8]),
        dev_minor=_signed(numbers[9]),
    )


def decode_list(data: bytes, field_number: int) -> list[bytes]:
    """All values of one repeated or single message field, undecoded."""
    return [value for field, value in _fields(data) if field == field_number and isinstance(value, bytes)]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:  # noqa: PLR2004  a varint has at most 64 bits
            raise ValueError("malformed varint")
        byte = data[position]
        position += 1
        value |= (byte & _LOW) << shift
        if byte < _MORE:
            return value & _U64, position
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _read_varint(data, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, position = _read_varint(data, position)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if position + size > len(data):
            raise ValueError("message is cut short")
        yield tag >> 3, data[position : position + size]
        position += size
