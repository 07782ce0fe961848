"""Small engines in Verilator, and images made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.flows.gnn.engine_build import build_engine
from gatewright.flows.gnn.engine_run import EngineModel
from gatewright.generators.emission import emit
from gatewright.generators.gnn.assembly import Slot, assemble, encode, encode_slot
from gatewright.hw.gnn.engine import GnnEngine, GnnEngineParameters
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.records import INTERVAL, NO_CODE, PASS, SHARD, TENSOR, Phase, Section
from gatewright.hw.gnn.registers import REGISTERS

DIGEST = 0x600D
BASE = 0x12_3456_0000
TINY = GnnParameters(
    lanes=4, rows=4, columns=4, bus_bytes=4, threads=2, accumulator_words=256, local_words=256,
    edge_words=128, weight_words=64, max_sources=64, max_edges=128, bias_words=16, tables=2,
    instructions=64, psum_rows=8, outstanding=4,
)  # fmt: skip
_TENSOR_ROWS, _ROW_BYTES = 64, 8


@cache
def library(p: GnnParameters) -> Path:
    """Return the compiled engine of some sizes."""
    with TemporaryDirectory() as folder:
        source = Path(folder, "engine.v")
        source.write_text(emit(GnnEngine(GnnEngineParameters(p, DIGEST))).verilog)
        return build_engine([source], "gnn_engine", p.bus_bytes)


def new_engine(p: GnnParameters = TINY, seed: int = 0) -> EngineModel:
    return EngineModel(library(p), {each.name: each.offset for each in REGISTERS}, seed=seed)


@dataclass
class HandImage:
    """A pass with two tensors of 64 rows of 8 bytes: 0 is read, 1 is written.

    Attributes
    ----------
    code, slots
        Text of each phase; slots by name.
    rows
        Of each interval.
    shards
        For each interval, its shards of the first round: sources and edges (dst, src).
    fields
        What differs from the usual in the record of the pass.
    sections
        What replaces a section.
    """

    code: Mapping[Phase, str]
    slots: Mapping[str, Slot]
    rows: Sequence[int] = (20,)
    shards: Sequence[Sequence[tuple[Sequence[int], Sequence[tuple[int, int]]]]] = ((),)
    fields: dict[str, Any] = field(default_factory=dict)
    sections: dict[Section, bytes] = field(default_factory=dict)
    lengths: dict[Section, int] = field(default_factory=dict)

    def build(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the bytes; the table of passes is first, then the tensors."""
        self._bytes = bytearray(PASS.size // 8)
        data = rng.integers(0, 256, _TENSOR_ROWS * _ROW_BYTES, dtype=np.uint8).tobytes()
        tensors = [self._add(data), self._add(bytes(len(data)))]
        names = {name: number for number, name in enumerate(self.slots)}
        starts, code = [], []
        for phase in Phase:
            text = self.code.get(phase)
            starts.append(NO_CODE if text is None else len(code))
            code += assemble(text or "", names)
        sections = {
            Section.CODE: b"".join(encode(one).to_bytes(8, "little") for one in code),
            Section.SLOTS: b"".join(
                encode_slot(slot).to_bytes(8, "little") for slot in self.slots.values()
            ),
            Section.CONSTANTS: (1).to_bytes(4, "little"),
            Section.TENSORS: b"".join(
                TENSOR.const({"block": block, "stride": _ROW_BYTES}).as_value().value.to_bytes(
                    8, "little"
                )
                for block in tensors
            ),
            **self.sections,
        }
        intervals, shards = b"", b""
        first = count = 0
        for number, (rows, own) in enumerate(zip(self.rows, self.shards, strict=True), 1):
            rounds = [{"first": count, "count": len(own)}, {"first": 0, "count": 0}]
            interval = INTERVAL.const({
                "first": first, "rows": rows, "last": number == len(self.rows), "shards": rounds,
            })  # fmt: skip
            intervals += interval.as_value().value.to_bytes(32, "little")
            for sources, edges in own:
                shards += self._shard(sources, edges)
                count += 1
            first += rows
        record = {
            "pc": starts, "chunk_rows": 8, "accumulator_stride": 2, "chunk_stride": 4,
            "source_stride": [4, 4], "edge_stride": [2, 2], "halves": 2, "has_scalars": 1,
            "interval_block": self._add(intervals), "shard_block": self._add(shards),
            "sections": [
                {"block": self._add(sections.get(name, b"")),
                 "bytes": self.lengths.get(name, len(sections.get(name, b"")))}
                for name in Section
            ],
            **self.fields,
        }  # fmt: skip
        raw = PASS.const(record).as_value().value.to_bytes(PASS.size // 8, "little")
        self._bytes[: len(raw)] = raw
        self._bytes += bytes(1 << 13)
        return np.frombuffer(bytes(self._bytes), np.uint8).copy()

    def _shard(self, sources: Sequence[int], edges: Sequence[tuple[int, int]]) -> bytes:
        words = sorted(dst << 16 | src for dst, src in edges)
        scalars = [vertex % 7 - 3 for vertex in sources]
        record = SHARD.const({
            "source_block": self._add(np.array(sources, "<u4").tobytes()),
            "edge_block": self._add(np.array(words, "<u4").tobytes()),
            "scalar_block": self._add(np.array(scalars, "<i2").tobytes()),
            "sources": len(sources), "edges": len(edges),
        })  # fmt: skip
        return record.as_value().value.to_bytes(16, "little")

    def _add(self, data: bytes) -> int:
        block = len(self._bytes) // 32
        self._bytes += data + bytes(-len(data) % 32)
        return block


def tensor(memory: NDArray[np.uint8], number: int) -> NDArray[np.int8]:
    """Return tensor 0 or 1 of an image, [64, 8]."""
    size = _TENSOR_ROWS * _ROW_BYTES
    start = PASS.size // 8 + number * size
    return memory[start : start + size].view(np.int8).reshape(_TENSOR_ROWS, _ROW_BYTES)
