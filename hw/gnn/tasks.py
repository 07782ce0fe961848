"""Records that go from the loader and the dispatcher to the threads, and on to the issue logic."""

from __future__ import annotations

from amaranth.lib import data

from .parameters import GnnParameters
from .records import PASS, SHARD

__all__ = [
    "CONTROL_REQUEST", "COUNTS", "INTERVAL_TASKS", "SETTINGS", "SHARD_NUMBER", "SHARD_RECORD",
    "TASK", "fetched", "thread_task",
]  # fmt: skip

SETTINGS = data.StructLayout({
    name: field.shape for name, field in PASS if name not in ("reserved1", "sections")
})  # fmt: skip
"""What stands at the beginning of the record of a pass."""

COUNTS = data.StructLayout({"code": 16, "slots": 8, "tensors": 8})
"""How many instructions, slots and tensors were loaded."""

CONTROL_REQUEST = data.StructLayout({"address": 40, "beats": 16})
"""Beats that the loader or the dispatcher wants."""

INTERVAL_TASKS = data.StructLayout({
    "first": 32, "rows": 16,
    "shards": data.ArrayLayout(data.StructLayout({"first": 32, "count": 16}), 2),
})  # fmt: skip
"""What an interval's context needs of its record."""

SHARD_NUMBER = data.StructLayout({"number": 32, "last": 1})
"""A shard whose record is wanted, and whether it is the last one of its round."""

SHARD_RECORD = data.StructLayout({"shard": SHARD, "last": 1})
"""The record that was wanted."""

TASK = data.StructLayout({
    "context": 1, "shard": 1, "round": 1, "pc": 16, "place": 32, "rows": 16, "edges": 16,
    "accumulator": 16, "reach": 16, "source_block": 32, "edge_block": 32, "scalar_block": 32,
})  # fmt: skip
"""A task: its interval's context; whether it is a shard, and of which round; its code; the place of
its first row; its rows or sources, and edges; the first word of its rows, or of the interval's, in
the accumulator memory, and how many rows it may reach there; its lists."""


def thread_task(p: GnnParameters) -> data.StructLayout:
    """What the issue logic knows of a thread's task. ``extents``: in each space of rows, words from
    row 0 to the last one, or all ones if they are more: that is beyond every memory.
    """
    return data.StructLayout({
        "context": 1, "shard": 1, "round": 1, "place": 32, "rows": 16,
        "edges": range(p.max_edges + 1), "accumulator": 16,
        "extents": data.ArrayLayout(p.address_bits + 1, 3),
    })  # fmt: skip


def fetched(p: GnnParameters) -> data.StructLayout:
    """The next instruction of a thread; ``outside``: there is none, the thread left the code."""
    return data.StructLayout({
        "thread": 4, "pc": 16, "outside": 1, "word": 64, "task": thread_task(p),
    })  # fmt: skip
