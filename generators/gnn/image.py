"""The memory image of a program: what an engine reads and writes, as `hw/gnn/records.py` tells.

Everything begins at a block of 32 bytes: the table of passes, records of intervals and shards, the
lists of shards, sections, tensors. What passes share is there once.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.gnn.fixed import exp2n_table
from ...hw.gnn.instruction import ElementType
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.records import (
    BLOCK_BYTES,
    NO_CODE,
    PASS,
    TENSOR,
    VERSION,
    Phase,
    Section,
)
from .assembly import encode, encode_slot
from .partition import Partition
from .program import Pass, Program, Tensor

__all__ = [
    "INTERVAL_TYPE", "LAST", "SHARD_TYPE", "Image", "Place", "build_image", "digest", "row_bytes",
]  # fmt: skip

INTERVAL_TYPE = np.dtype([
    ("first", "<u4"), ("rows", "<u2"), ("flags", "<u2"),
    ("shards", [("first", "<u4"), ("count", "<u2"), ("reserved", "<u2")], 2), ("reserved1", "<u8"),
])  # fmt: skip
LAST = 1
"""The flag of the last interval of a pass; the other ones mean nothing."""
SHARD_TYPE = np.dtype([
    ("source_block", "<u4"), ("edge_block", "<u4"), ("scalar_block", "<u4"), ("sources", "<u2"),
    ("edges", "<u2"),
])  # fmt: skip
_MOST_SHARDS = (1 << 16) - 1
_DTYPES: dict[ElementType, np.dtype[Any]] = {
    ElementType.I8: np.dtype("i1"),
    ElementType.I16: np.dtype("<i2"),
    ElementType.I32: np.dtype("<i4"),
}


def digest(parameters: GnnParameters) -> int:
    """Return 32 bits that tell engines of other sizes, or of other image formats, apart."""
    text = repr((VERSION, sorted(asdict(parameters).items())))
    return zlib.crc32(text.encode())


def row_bytes(tensor: Tensor, parameters: GnnParameters) -> int:
    """Return the bytes from one row of a tensor to the next: whole beats of the bus."""
    size = tensor.elements * _DTYPES[tensor.type].itemsize
    beats: int = -(-size // parameters.bus_bytes)
    return beats * int(parameters.bus_bytes)


@dataclass(frozen=True)
class Place:
    """Where a tensor is: its first block, the bytes of a row, and what a row holds."""

    block: int
    stride: int
    rows: int
    elements: int
    type: ElementType


@dataclass(frozen=True, eq=False)
class Image:
    """Memory of a program.

    Attributes
    ----------
    memory
        u8, whole blocks, from block ``first`` on.
    pass_block, passes
        Where the table of passes is, and its length.
    tensors
        Places by name.
    first
        Block that the memory begins at, counted from the image's base as all blocks are.
    """

    memory: NDArray[np.uint8]
    pass_block: int
    passes: int
    tensors: dict[str, Place]
    first: int = 0

    def read(self, name: str) -> NDArray[np.int64]:
        """Return a tensor, int64 [rows, elements]."""
        place = self.tensors[name]
        bytes_ = self._rows(place)[:, : place.elements * _DTYPES[place.type].itemsize]
        return np.ascontiguousarray(bytes_).view(_DTYPES[place.type]).astype(np.int64)

    def write(self, name: str, values: NDArray[np.int64]) -> None:
        """Fill a tensor; the padding of its rows becomes 0.

        Raises
        ------
        InputError
            If the shape differs or a number does not fit the tensor's type.
        """
        place = self.tensors[name]
        if values.shape != (place.rows, place.elements):
            raise InputError(
                f"{name} must be of shape [{place.rows}, {place.elements}], not "
                f"{list(values.shape)}"
            )
        data = values.astype(_DTYPES[place.type])
        if not np.array_equal(data, values):
            raise InputError(f"{name} must fit {place.type.name}, not all of its numbers do")
        rows = self._rows(place)
        rows[:] = 0
        bytes_ = np.ascontiguousarray(data).view(np.uint8).reshape(place.rows, -1)
        rows[:, : bytes_.shape[1]] = bytes_

    def _rows(self, place: Place) -> NDArray[np.uint8]:
        start = (place.block - self.first) * BLOCK_BYTES
        return self.memory[start : start + place.rows * place.stride].reshape(place.rows, -1)


class _Memory:
    """Pieces one behind the other, equal ones once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._known: dict[bytes, int] = {}
        self.block = 0

    def add(self, data: bytes, *, shared: bool = True) -> int:
        """Return the block of a piece."""
        if shared and data in self._known:
            return self._known[data]
        block = self.block
        padded = data + bytes(-len(data) % BLOCK_BYTES)
        self._pieces.append(padded)
        self.block += len(padded) // BLOCK_BYTES
        if shared:
            self._known[data] = block
        return block

    def join(self) -> NDArray[np.uint8]:
        return np.frombuffer(b"".join(self._pieces), np.uint8).copy()


def build_image(program: Program, first: int = 0) -> Image:
    """Return the image of a program, its input all zeros; ``first`` blocks before it are left out.

    Raises
    ------
    InputError
        If something is beyond the fields of the image.
    """
    memory = _Memory()
    # The table of passes is first, and is known last.
    table = -(-len(program.passes) * PASS.size // 8 // BLOCK_BYTES)
    memory.block = first + table
    tensors = {name: _tensor(each, memory, program) for name, each in program.tensors.items()}
    lists: dict[tuple[int, int], tuple[NDArray[np.void], NDArray[np.int64]]] = {}
    records = b"".join(
        _pass(each, program, tensors, memory, lists).to_bytes(PASS.size // 8, "little")
        for each in program.passes
    )
    head = np.zeros(table * BLOCK_BYTES, np.uint8)
    head[: len(records)] = np.frombuffer(records, np.uint8)
    image = Image(
        np.concatenate([head, memory.join()]), first, len(program.passes), tensors, first
    )
    for name, tensor in program.tensors.items():
        if tensor.values is not None:
            image.write(name, tensor.values)
    return image


def _tensor(tensor: Tensor, memory: _Memory, program: Program) -> Place:
    stride = row_bytes(tensor, program.parameters)
    if stride >= 1 << 16:
        raise InputError(f"a row of a tensor must be below 65536 bytes, not {stride}")
    block = memory.add(bytes(tensor.rows * stride), shared=False)
    return Place(block, stride, tensor.rows, tensor.elements, tensor.type)


def _pass(
    each: Pass, program: Program, tensors: dict[str, Place], memory: _Memory,
    lists: dict[tuple[int, int], tuple[NDArray[np.void], NDArray[np.int64]]],
) -> int:  # fmt: skip
    code: list[int] = []
    starts = []
    for phase in Phase:
        instructions = each.phases.get(phase, ())
        starts.append(len(code) if instructions else NO_CODE)
        code += [encode(instruction) for instruction in instructions]
    intervals = np.zeros(max(1, -(-program.vertices // each.interval)), INTERVAL_TYPE)
    first = np.arange(len(intervals)) * each.interval
    intervals["first"] = first
    intervals["rows"] = np.clip(program.vertices - first, 0, each.interval)
    intervals["flags"][-1] = LAST
    tables = []
    shards = 0
    for round_, (partition, scalars) in enumerate(zip(each.partitions, each.scalars, strict=True)):
        if partition is not None:
            key = (id(partition), id(scalars))
            if key not in lists:
                lists[key] = _shards(partition, scalars, memory)
            records, start = lists[key]
            intervals["shards"]["first"][:, round_] = start[:-1] + shards
            intervals["shards"]["count"][:, round_] = _counts(start)
            tables.append(records)
            shards += len(records)
    sections = {
        Section.CODE: np.array(code, "<u8").tobytes(),
        Section.SLOTS: np.array([encode_slot(slot) for slot in each.slots], "<u8").tobytes(),
        Section.CONSTANTS: np.array([by.m | by.s << 16 for by in each.constants], "<u4").tobytes(),
        Section.TENSORS: b"".join(_tensor_entry(tensors[name]) for name in each.tensors),
        Section.WEIGHTS: each.weights.astype(np.uint8).tobytes(),
        Section.BIAS: each.bias.astype("<i4").tobytes(),
        Section.TABLES: each.tables.astype(np.uint8).tobytes(),
        Section.EXPONENTIALS: (
            exp2n_table(each.exp_bits).astype("<u2").tobytes() if each.exp_bits else b""
        ),
    }
    scalars_there = sum(1 << i for i, scalars in enumerate(each.scalars) if scalars is not None)
    record = {
        "pc": starts, "chunk_rows": each.chunk_rows, "accumulator_stride": each.accumulator_stride,
        "chunk_stride": each.chunk_stride, "source_stride": list(each.source_stride),
        "edge_stride": list(each.edge_stride), "halves": each.halves,
        "has_scalars": scalars_there,
        "interval_block": memory.add(intervals.tobytes()),
        "shard_block": memory.add(b"".join(table.tobytes() for table in tables)),
        "sections": [
            {"block": memory.add(data) if data else 0, "bytes": len(data)}
            for data in sections.values()
        ],
    }  # fmt: skip
    return int(PASS.const(record).as_value().value)


def _counts(start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many shards each interval has, from the first one of each."""
    counts = np.diff(start)
    if counts.max(initial=0) > _MOST_SHARDS:
        raise InputError(
            f"an interval must have at most {_MOST_SHARDS} shards, and interval {counts.argmax()} "
            f"has {counts.max()}: raise max_sources or max_edges, or lower interval"
        )
    return counts


def _tensor_entry(place: Place) -> bytes:
    # A single row is the same row for everybody who asks for row 0.
    entry = TENSOR.const({"block": place.block, "stride": place.stride})
    return int(entry.as_value().value).to_bytes(TENSOR.size // 8, "little")


def _shards(
    partition: Partition, scalars: NDArray[np.int16] | None, memory: _Memory
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Return the records of a partition's shards, and the first shard of each interval."""
    records = np.zeros(partition.counts.shards, SHARD_TYPE)
    rows, edges = partition.source_start, partition.edge_start
    records["sources"], records["edges"] = np.diff(rows), np.diff(edges)
    for shard in range(len(records)):
        sources = partition.sources[rows[shard] : rows[shard + 1]]
        words = partition.words[edges[shard] : edges[shard + 1]]
        records["source_block"][shard] = memory.add(sources.astype("<u4").tobytes(), shared=False)
        records["edge_block"][shard] = memory.add(words.astype("<u4").tobytes(), shared=False)
        if scalars is not None:
            records["scalar_block"][shard] = memory.add(
                scalars[sources].astype("<i2").tobytes(), shared=False
            )
    return records, partition.shard_start
