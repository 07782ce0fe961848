"""Files of partitions: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from gatewright.errors import InputError
from gatewright.generators.gnn.limits import Limits
from gatewright.generators.gnn.orders import Order, order_vertices
from gatewright.generators.gnn.partition import partition
from gatewright.generators.gnn.partition_file import (
    HEADER_BYTES,
    PartitionWriter,
    read_partition,
    write_partition,
)  # fmt: skip
from gatewright.generators.gnn.shards import Method

from .reference import all_limits, edge_lists, graph_of

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
GRAPH = graph_of(9, [(0, 1), (0, 1), (8, 1), (3, 7), (4, 4), (0, 8)])
LIMITS = Limits(interval=3, max_edges=2, pinned=1)


@SHARED
@given(edge_lists(), all_limits(pinned=3))
def test_what_is_written_is_read(tmp_path: Path, graph, limits: Limits) -> None:
    n, edges = graph
    order = order_vertices(graph_of(n, edges), limits.interval, Order.DEGREE)
    made = partition(graph_of(n, edges), limits, rank=order.rank)
    write_partition(made, tmp_path / "p.bin")
    read = read_partition(tmp_path / "p.bin")
    for name in ("sources", "words", "pinned", "source_start", "edge_start", "shard_start"):
        assert (getattr(read, name) == getattr(made, name)).all(), name
    one, two = vars(read.counts), vars(made.counts)
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert np.array_equal(read.order if n else np.zeros(0), made.order)
    assert [path.name for path in tmp_path.iterdir()] == ["p.bin"]


def test_the_layout_is_that_of_the_document(tmp_path: Path) -> None:
    path = tmp_path / "p.bin"
    write_partition(partition(GRAPH, Limits(interval=3, max_edges=2)), path)
    data = path.read_bytes()
    assert data[:8] == b"GWGP" + struct.pack("<HH", 1, 128)
    assert struct.unpack_from("<8I", data, 12) == (0, 3, 128, 0, 16384, 2, 65536, 0)
    assert struct.unpack_from("<7Q", data, 48) == (6, 5, 0, 0, 4, 3, 9)
    assert struct.unpack_from("<2QI", data, 104) == (5, 0, zlib.crc32(data[128:]))
    body = struct.unpack_from(f"<{(len(data) - 128) // 4}I", data, 128)
    # Interval 0: source 0 fills a shard; source 8 the next. 1: source 4. 2: sources 0 and 3.
    assert body[:6] == (1 << 16, 1 << 16, 1 << 16, 1 << 16, 1 << 16 | 1, 2 << 16)
    assert body[6:11] == (0, 8, 4, 0, 3)
    assert body[11:27] == (0, 1, 2, 1, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2)
    assert body[27:] == (0, 2, 3, 4)


@pytest.mark.parametrize("method", list(Method))
def test_all_methods_are_kept(tmp_path: Path, method: Method) -> None:
    write_partition(partition(GRAPH, Limits(interval=3), method), tmp_path / "p.bin")
    assert read_partition(tmp_path / "p.bin").counts.method is method


def resealed(data: bytes, at: int, value: bytes) -> bytes:
    """Change a file and make its checksums right again."""
    new = bytearray(data)
    new[at : at + len(value)] = value
    new[120:124] = struct.pack("<I", zlib.crc32(new[HEADER_BYTES:]))
    new[8:12] = bytes(4)
    new[8:12] = struct.pack("<I", zlib.crc32(new[:HEADER_BYTES]))
    return bytes(new)


def test_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.bin"
    write_partition(partition(GRAPH, LIMITS), path)
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[HEADER_BYTES + 5] ^= 1
    for damaged, line in (
        (b"", "p.bin must start with GWGP, not b''"),
        (b"SALO" + data[4:], "p.bin must start with GWGP, not b'SALO'"),
        (data[:4] + b"\2" + data[5:], "version of .* must be 1, not 2"),
        (data[:16] + b"\7" + data[17:], "checksum of the header of .* must be [0-9a-f]{8}, not"),
        (bytes(flipped), r"checksum of .*p\.bin must be [0-9a-f]{8}, not"),
        (data[:-4], f"must have {len(data)} bytes, not {len(data) - 4}"),
        (data + b"\0", f"must have {len(data)} bytes, not {len(data) + 1}"),
        (resealed(data, 12, b"\4"), "method of .* must be from 0 to 3, not 4"),
        (resealed(data, 16, bytes(4)), "interval must be .*, not 0"),
        (resealed(data, 96, b"\x0c"), "intervals of .* must be those of 12 vertices by 3, not 3"),
        (resealed(data, HEADER_BYTES + 4 * (6 + 3 + 1) + 8, b"\5"), "shards of .* must have"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=line):
            read_partition(path)
    with pytest.raises(InputError, match=r"none\.bin must be a readable file: No such file"):
        read_partition(tmp_path / "none.bin")


def test_an_unfinished_file_is_no_partition(tmp_path: Path) -> None:
    with PartitionWriter(tmp_path / "p.bin"):
        pass
    with pytest.raises(InputError, match="must start with GWGP"):
        read_partition(tmp_path / "p.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["p.bin"]
