"""Partitions as files.

A partition is, without gaps and little-endian:

====================  ==========================================================================
128 bytes             header
4 bytes an edge       `dst_local << 16 | src_local`, ascending within a shard
4 bytes a row         source ids, shard by shard
4 bytes a row         ids of resident rows, ascending; bit 15 of `src_local` selects them
4 bytes a vertex      the vertex of the graph at each place of the order; left out if each keeps
                      its id
16 bytes a shard      interval, rows, edges, rows that have an edge
4 bytes an interval   first shard of the interval, and one more for the end
====================  ==========================================================================

Ids are places in the order. The header:

======  =====  ====================================================================================
offset  bytes  field
======  =====  ====================================================================================
0       4      "GWGP"
4       2      version, 1
6       2      bytes of the header, 128
8       4      CRC-32 (of zlib) of the header with 0 in this place
12      4      method: 0 fggp, 1 dsw, 2 grid, 3 none
16      7 * 4  limits: interval, source_bytes, edge_bytes, capacity, max_edges, max_sources, pinned
44      4      0
48      7 * 8  edges, rows, resident rows, vertices in the order or 0, shards, intervals, vertices
104     2 * 8  lower bound, cuts
120     4      CRC-32 of all that follows the header
124     4      0
======  =====  ====================================================================================
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .graph import MAX_VERTICES, Ids
from .limits import Limits
from .partition import Collector, Counts, Partition
from .shards import Block, Method

__all__ = [
    "HEADER_BYTES", "MAGIC", "VERSION", "PartitionWriter", "read_partition", "write_partition",
]  # fmt: skip

MAGIC, VERSION, HEADER_BYTES = b"GWGP", 1, 128

_HEADER = struct.Struct("<4sHHII7II7Q2QII")
_CHECKSUM = slice(8, 12)
_METHODS = tuple(Method)
_PIECE = 1 << 20


class PartitionWriter:
    """Writes a partition as its blocks come; only the sizes of shards stay in memory.

    The file is not whole before `finish`: give a place that is thrown away if that is not reached.
    """

    def __init__(self, path: Path) -> None:
        # Rows are kept apart until the last edge is written, as their number is not known before.
        self._rows_path = path.with_suffix(".rows")
        self._file: BinaryIO = path.open("w+b")
        self._rows: BinaryIO = self._rows_path.open("w+b")
        self._file.write(bytes(HEADER_BYTES))
        self._sizes = Collector(lists=False)
        self._checksum = 0

    def __enter__(self) -> PartitionWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._file.close()
        self._rows.close()
        self._rows_path.unlink(missing_ok=True)

    def add(self, block: Block) -> None:
        """Write a block."""
        self._sizes.add(block)
        self._put(block.words)
        self._rows.write(block.sources.astype("<u4").data)

    def finish(
        self, limits: Limits, method: Method, vertices: int, pinned: Ids, order: Ids | None
    ) -> Counts:
        """Write what is known at the end; return the sizes."""
        counts = self._sizes.counts(limits, method, vertices, len(pinned))
        self._rows.seek(0)
        while piece := self._rows.read(_PIECE):
            self._put(np.frombuffer(piece, "<u4"))
        self._put(pinned)
        self._put(np.zeros(0, np.int32) if order is None else order)
        sizes = (
            counts.shard_interval, counts.shard_sources, counts.shard_edges, counts.shard_used
        )  # fmt: skip
        for at in range(0, counts.shards, _PIECE):
            self._put(np.stack([column[at : at + _PIECE] for column in sizes], axis=1))
        self._put(np.searchsorted(counts.shard_interval, np.arange(counts.intervals + 1)))
        header = bytearray(
            _HEADER.pack(
                MAGIC, VERSION, HEADER_BYTES, 0, _METHODS.index(method), *astuple(limits), 0,
                counts.edges, int(counts.shard_sources.sum()), len(pinned),
                0 if order is None else vertices, counts.shards, counts.intervals, vertices,
                counts.bound, counts.cuts, self._checksum, 0,
            )
        )  # fmt: skip
        header[_CHECKSUM] = struct.pack("<I", zlib.crc32(header))
        self._file.seek(0)
        self._file.write(header)
        return counts

    def _put(self, values: NDArray[Any]) -> None:
        data = values.astype("<u4").data.cast("B") if values.size else b""
        self._checksum = zlib.crc32(data, self._checksum)
        self._file.write(data)


def write_partition(partition: Partition, path: Path) -> None:
    """Write a partition that is in memory; the bytes are those of a writer given its blocks."""
    counts = partition.counts
    with PartitionWriter(path) as writer:
        writer.add(
            Block(
                counts.shard_interval, counts.shard_sources, counts.shard_edges,
                counts.shard_used, partition.sources, partition.words, counts.bound, counts.cuts,
            )
        )  # fmt: skip
        writer.finish(
            counts.limits, counts.method, counts.vertices, partition.pinned, partition.order
        )


def read_partition(path: Path) -> Partition:
    """Return the partition of a file.

    Raises
    ------
    InputError
        If it is none, of another version, damaged, or contradicts itself.
    """
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise InputError(f"{path} must be a readable file: {error.strerror}") from error


def _read(path: Path, file: BinaryIO) -> Partition:
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:4] != MAGIC:
        raise InputError(f"{path} must start with {MAGIC.decode()}, not {header[:4]!r}")
    fields = _HEADER.unpack(header)
    if fields[1:3] != (VERSION, HEADER_BYTES):
        raise InputError(f"version of {path} must be {VERSION}, not {fields[1]}")
    blank = bytearray(header)
    blank[_CHECKSUM] = bytes(4)
    _compare(f"checksum of the header of {path}", zlib.crc32(blank), fields[3])
    if fields[4] >= len(_METHODS):
        raise InputError(f"method of {path} must be from 0 to {len(_METHODS) - 1}, not {fields[4]}")
    limits, method = Limits(*fields[5:12]), _METHODS[fields[4]]
    edges, rows, resident, ordered, shards, intervals, vertices = fields[13:20]
    if vertices > MAX_VERTICES or intervals != limits.intervals(vertices):
        raise InputError(
            f"intervals of {path} must be those of {vertices} vertices by {limits.interval}, not "
            f"{intervals}"
        )
    lengths = [edges, rows, resident, ordered, 4 * shards, intervals + 1]
    size = path.stat().st_size
    if HEADER_BYTES + 4 * sum(lengths) != size:
        raise InputError(f"{path} must have {HEADER_BYTES + 4 * sum(lengths)} bytes, not {size}")
    checksum = 0
    for piece in _pieces(file):
        checksum = zlib.crc32(piece, checksum)
    _compare(f"checksum of {path}", checksum, fields[22])
    file.seek(HEADER_BYTES)
    words, sources, pinned, order, table, _ = (
        np.fromfile(file, "<u4", length) for length in lengths
    )
    interval, shard_rows, shard_edges, used = (
        table.reshape(shards, 4).T.astype(np.int64, order="C")
    )
    counts = Counts(
        limits, method, vertices, edges, interval, shard_rows, shard_edges, used, resident,
        fields[20], fields[21],
    )  # fmt: skip
    if shard_rows.sum() != rows or shard_edges.sum() != edges:
        raise InputError(f"shards of {path} must have {rows} rows and {edges} edges together")
    return Partition(
        counts, sources, words, pinned.astype(np.int32),
        order.astype(np.int32) if ordered else None,
    )  # fmt: skip


def _compare(what: str, found: int, told: int) -> None:
    if found != told:
        raise InputError(f"{what} must be {found:08x}, not {told:08x}")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
