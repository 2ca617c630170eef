import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_buildkit.api import wire_pb2
from gauntlet_engine.buildkit.wire import (
    DATA,
    ERR,
    FileStat,
    Packet,
    decode_packet,
    decode_stat,
    encode_packet,
    encode_stat,
)

u32 = st.integers(0, 2**32 - 1)
i64 = st.integers(-(2**63), 2**63 - 1)
any_name = st.binary(max_size=40).map(os.fsdecode)


def stats(names: st.SearchStrategy[str]) -> st.SearchStrategy[FileStat]:
    return st.builds(FileStat, names, u32, u32, u32, i64, i64, names, i64, i64)


def packets(names: st.SearchStrategy[str]) -> st.SearchStrategy[Packet]:
    return st.builds(Packet, st.integers(0, 4), st.none() | stats(names), u32, st.binary(max_size=50))


@given(packets(any_name))
def test_a_packet_survives_the_wire_whatever_bytes_its_names_have(packet: Packet) -> None:
    assert decode_packet(encode_packet(packet)) == packet


@given(packets(st.text(max_size=20)))
def test_protobuf_reads_and_writes_the_same_bytes(packet: Packet) -> None:
    message = wire_pb2.Packet.FromString(encode_packet(packet))
    assert (message.type, message.ID, message.data) == (packet.kind, packet.id, packet.data)
    assert message.HasField("stat") == (packet.stat is not None)
    if packet.stat is not None:
        got = message.stat
        assert (got.path, got.linkname, got.mode, got.size, got.modTime) == (
            packet.stat.path,
            packet.stat.linkname,
            packet.stat.mode,
            packet.stat.size,
            packet.stat.mod_time,
        )
    assert decode_packet(message.SerializeToString()) == packet


@given(st.binary(max_size=200))
def test_malformed_bytes_are_a_value_error_and_nothing_else(data: bytes) -> None:
    for decode in (decode_packet, decode_stat):
        try:
            decode(data)
        except ValueError:
            continue


def test_a_message_cut_short_is_refused() -> None:
    whole = encode_packet(Packet(DATA, id=7, data=b"content"))
    with pytest.raises(ValueError, match="cut short"):
        decode_packet(whole[:-1])


def test_unknown_fields_are_skipped() -> None:
    assert decode_packet(encode_packet(Packet(ERR, data=b"x")) + b"\xfa\x01\x03abc") == Packet(ERR, data=b"x")


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    assert b"caf\xe9" in encode_stat(FileStat(os.fsdecode(b"caf\xe9")))
