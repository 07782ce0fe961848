"""Engines of four sizes; brief `gnn`, section 6.

Tiny is for simulation, ecp5 for a Lattice ECP5-85F, edge and mid for standard cells. Memories are
as in the brief, but a thread's source rows and scratch are one memory, and the bus of
tiny is 4 bytes, as wide as its lanes; edge and mid have room for the weights of a gated graph
network of 128 and of 256 features, which stay in the engine for a whole pass.
"""

from __future__ import annotations

from ...hw.gnn.parameters import GnnParameters

__all__ = ["PRESETS"]

PRESETS: dict[str, GnnParameters] = {
    "tiny": GnnParameters(
        lanes=4, rows=4, columns=4, bus_bytes=4, threads=2, accumulator_words=256, local_words=512,
        edge_words=128, weight_words=1024, max_sources=128, max_edges=128, bias_words=32, tables=4,
        instructions=128, psum_rows=16, outstanding=8,
    ),
    "ecp5": GnnParameters(
        lanes=8, rows=8, columns=8, bus_bytes=8, threads=4, accumulator_words=1024,
        local_words=1024, edge_words=512, weight_words=2048, max_sources=256, max_edges=512,
        bias_words=64, tables=4, instructions=256, psum_rows=64, outstanding=16,
    ),
    "edge": GnnParameters(),
    "mid": GnnParameters(
        lanes=64, rows=32, columns=32, bus_bytes=32, threads=8, accumulator_words=2048,
        local_words=1024, edge_words=4096, weight_words=16384, max_sources=1024, max_edges=4096,
        bias_words=128, tables=4, instructions=256, psum_rows=64, outstanding=64,
    ),
}  # fmt: skip
