"""The records of an image, read back from its bytes as the engine reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...generators.gnn.assembly import Instruction, Slot, check_operands, decode, decode_slot
from ...generators.gnn.formats import (
    BLOCK_BYTES,
    NO_CODE,
    PASS,
    PASS_BYTES,
    GnnParameters,
    Phase,
    Section,
)
from ...generators.gnn.image import INTERVAL_TYPE, LAST, SHARD_TYPE
from ...golden.gnn.fixed import Multiplier

__all__ = ["PassImage", "ShardLists", "read_intervals", "read_lists", "read_pass"]

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PassImage:
    """A pass as it stands in memory; fields as in its record, sections taken apart."""

    code: tuple[Instruction, ...]
    pc: dict[Phase, int]
    slots: tuple[Slot, ...]
    constants: tuple[Multiplier, ...]
    tensors: tuple[tuple[int, int], ...]
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    tables: NDArray[np.int8]
    exponentials: NDArray[np.uint16]
    chunk_rows: int
    accumulator_stride: int
    chunk_stride: int
    source_stride: tuple[int, int]
    edge_stride: tuple[int, int]
    halves: int
    has_scalars: int
    intervals: NDArray[np.void]
    shard_block: int


@dataclass(frozen=True, eq=False)
class ShardLists:
    """The lists of a shard."""

    sources: NDArray[np.int64]
    src: NDArray[np.int64]
    dst: NDArray[np.int64]
    scalars: NDArray[np.int64] | None


def _piece(memory: Bytes, block: int, size: int) -> bytes:
    start = block * BLOCK_BYTES
    if start + size > len(memory):
        raise InputError(
            f"an address of the image must be below {len(memory)}, not {start + size}"
        )
    return memory[start : start + size].tobytes()


def read_pass(memory: Bytes, address: int, p: GnnParameters) -> PassImage:
    """Return a pass by the address of its record.

    Raises
    ------
    InputError
        If an instruction or a slot is none, an operand is in a space where it cannot be, a phase
        begins behind the code, or something is longer than the engine's memory for it.
    """
    raw = int.from_bytes(memory[address : address + PASS_BYTES].tobytes(), "little")
    record = PASS.from_bits(raw)
    section = {}
    for each in Section:
        entry = record["sections"][each.value]
        section[each] = _piece(memory, entry["block"], entry["bytes"])
    words = np.frombuffer(section[Section.CODE], "<u8")
    limits = (
        ("instructions", len(words), p.instructions),
        ("weights", len(section[Section.WEIGHTS]) // p.columns, p.weight_words),
        ("bias", len(section[Section.BIAS]) // (4 * p.columns), p.bias_words),
        ("tables", len(section[Section.TABLES]) // 256, p.tables),
    )
    for name, count, most in limits:
        if count > most:
            raise InputError(f"{name} of a pass must be at most {most}, not {count}")
    code = tuple(decode(int(word)) for word in words)
    slots = tuple(decode_slot(int(word)) for word in np.frombuffer(section[Section.SLOTS], "<u8"))
    for instruction in code:
        check_operands(instruction, slots)
    pc = {phase: record["pc"][phase.value] for phase in Phase
          if record["pc"][phase.value] != NO_CODE}  # fmt: skip
    for phase, start in pc.items():
        if start >= len(code):
            raise InputError(
                f"the first instruction of {phase.name} must be below {len(code)}, not {start}"
            )
    constants = np.frombuffer(section[Section.CONSTANTS], "<u4")
    tensors = np.frombuffer(section[Section.TENSORS], "<u4").reshape(-1, 2)
    return PassImage(
        code=code,
        pc=pc,
        slots=slots,
        constants=tuple(Multiplier(int(w) & 0xFFFF, int(w) >> 16 & 63) for w in constants),
        tensors=tuple((int(block), int(stride) & 0xFFFF) for block, stride in tensors),
        weights=np.frombuffer(section[Section.WEIGHTS], "i1").reshape(-1, p.columns),
        bias=np.frombuffer(section[Section.BIAS], "<i4").reshape(-1, p.columns),
        tables=np.frombuffer(section[Section.TABLES], "i1").reshape(-1, 256),
        exponentials=np.frombuffer(section[Section.EXPONENTIALS], "<u2"),
        chunk_rows=record["chunk_rows"],
        accumulator_stride=record["accumulator_stride"],
        chunk_stride=record["chunk_stride"],
        source_stride=(record["source_stride"][0], record["source_stride"][1]),
        edge_stride=(record["edge_stride"][0], record["edge_stride"][1]),
        halves=record["halves"],
        has_scalars=record["has_scalars"],
        intervals=read_intervals(memory, record["interval_block"]),
        shard_block=record["shard_block"],
    )  # fmt: skip


def read_intervals(memory: Bytes, block: int) -> NDArray[np.void]:
    """Return the intervals from a block on, the last of them included.

    Raises
    ------
    InputError
        If memory ends before.
    """
    there = len(memory) // INTERVAL_TYPE.itemsize - block
    records = np.frombuffer(
        _piece(memory, block, max(1, there) * INTERVAL_TYPE.itemsize), INTERVAL_TYPE
    )
    last = np.flatnonzero(records["flags"] & LAST)
    if not len(last):
        raise InputError(f"one of the {len(records)} intervals from block {block} on must be last")
    return records[: last[0] + 1]


def read_lists(
    memory: Bytes, each: PassImage, shard: int, round_: int, p: GnnParameters
) -> ShardLists:
    """Return the lists of a shard.

    Raises
    ------
    InputError
        If it has more sources or edges than the engine takes.
    """
    at = each.shard_block * BLOCK_BYTES + shard * SHARD_TYPE.itemsize
    record = np.frombuffer(memory[at : at + SHARD_TYPE.itemsize].tobytes(), SHARD_TYPE)[0]
    sources, edges = int(record["sources"]), int(record["edges"])
    for name, count, most in (
        ("sources", sources, p.max_sources), ("edges", edges, p.max_edges)
    ):  # fmt: skip
        if count > most:
            raise InputError(f"{name} of shard {shard} must be at most {most}, not {count}")
    ids = np.frombuffer(_piece(memory, int(record["source_block"]), 4 * sources), "<u4")
    words = np.frombuffer(_piece(memory, int(record["edge_block"]), 4 * edges), "<u4")
    words = words.astype(np.int64)
    scalars = None
    if each.has_scalars >> round_ & 1:
        raw = _piece(memory, int(record["scalar_block"]), 2 * sources)
        scalars = np.frombuffer(raw, "<i2").astype(np.int64)
    return ShardLists(ids.astype(np.int64), words & 0xFFFF, words >> 16, scalars)
