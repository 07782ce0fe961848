"""Records that go from the loader and the dispatcher to the threads, and on to the issue logic."""

from __future__ import annotations

from amaranth.lib import data

from .parameters import GnnParameters
from .records import PASS, SHARD

__all__ = [
    "CONTROL_REQUEST", "INTERVAL_TASKS", "SETTINGS", "SHARD_NUMBER", "SHARD_RECORD", "fetched",
    "loaded", "thread_task", "waiting_task",
]  # fmt: skip

SETTINGS = data.StructLayout({
    name: field.shape for name, field in PASS if name not in ("reserved1", "sections")
})  # fmt: skip
"""What stands at the beginning of the record of a pass."""

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


def loaded(p: GnnParameters) -> data.StructLayout:
    """How many instructions, slots and tensors were loaded."""
    return data.StructLayout({"code": p.pc_bits, "slots": 8, "tensors": 8})


def waiting_task(p: GnnParameters) -> data.StructLayout:
    """A task: its interval's context; whether it is a shard, and of which round; its code; the
    place of its first row; its rows or sources, and edges; the first word of its rows, or of the
    interval's, in the accumulator memory, and how many rows it may reach there; its lists.
    """
    return data.StructLayout({
        "context": 1, "shard": 1, "round": 1, "pc": range(p.instructions), "place": 32,
        "rows": 16, "edges": 16, "accumulator": p.extent_bits, "reach": 16, "source_block": 32,
        "edge_block": 32, "scalar_block": 32,
    })  # fmt: skip


def thread_task(p: GnnParameters) -> data.StructLayout:
    """What the issue logic knows of a thread's task. ``extents``: in each space of rows, words from
    row 0 to the last one, or all ones if they are more: that is beyond every memory.
    """
    return data.StructLayout({
        "context": 1, "shard": 1, "round": 1, "place": 32, "rows": 16,
        "edges": range(p.max_edges + 1), "accumulator": p.extent_bits,
        "extents": data.ArrayLayout(p.extent_bits, 3),
    })  # fmt: skip


def fetched(p: GnnParameters) -> data.StructLayout:
    """The next instruction of a thread; ``outside``: there is none, the thread left the code."""
    return data.StructLayout({
        "thread": 4, "pc": p.pc_bits, "outside": 1, "word": 64, "task": thread_task(p),
    })  # fmt: skip
