"""Records that go from the loader and the dispatcher to the threads, and on to the issue logic."""

from __future__ import annotations

from amaranth.lib import data

from .records import PASS

__all__ = ["CONTEXT", "CONTROL_REQUEST", "COUNTS", "FETCHED", "SETTINGS", "TASK"]

SETTINGS = data.StructLayout({
    name: field.shape for name, field in PASS if name not in ("reserved1", "sections")
})  # fmt: skip
"""What stands at the beginning of the record of a pass."""

COUNTS = data.StructLayout({"code": 16, "slots": 8, "tensors": 8})
"""How many instructions, slots and tensors were loaded."""

CONTROL_REQUEST = data.StructLayout({"address": 40, "beats": 16})
"""Beats that the loader or the dispatcher wants."""

TASK = data.StructLayout({
    "context": 1, "shard": 1, "round": 1, "pc": 16, "place": 32, "rows": 16, "edges": 16,
    "accumulator": 16, "reach": 16, "source_block": 32, "edge_block": 32, "scalar_block": 32,
})  # fmt: skip
"""A task: its interval's context; whether it is a shard, and of which round; its code; the place of
its first row; its rows or sources, and edges; the first word of its rows, or of the interval's, in
the accumulator memory, and how many rows it may reach there; its lists."""

CONTEXT = data.StructLayout({
    "context": 1, "shard": 1, "round": 1, "place": 32, "rows": 16, "edges": 16, "accumulator": 16,
    "extents": data.ArrayLayout(20, 3),
})  # fmt: skip
"""What the issue logic knows of a thread's task. ``extents``: in each space of rows, words from row
0 to the last one."""

FETCHED = data.StructLayout({
    "thread": 4, "pc": 16, "outside": 1, "word": 64, "task": CONTEXT,
})  # fmt: skip
"""The next instruction of a thread; ``outside``: there is none, the thread left the code."""
