"""What the two memory engines are asked for, and how a transfer turns into bursts."""

from __future__ import annotations

from amaranth.lib import data

from .axi import ADDRESS_BITS
from .jobs import read_job, write_job

__all__ = [
    "BEAT_BITS", "BURST", "JOBS_UNDER_WAY", "SPAN", "TOTAL_BITS", "Client", "read_request",
    "write_request",
]  # fmt: skip

BEAT_BITS = 17
"""Bits of a number of beats of a row or list."""
JOBS_UNDER_WAY = 8
"""Reads whose beats have not all come, and as many writes that are not all acknowledged."""
TOTAL_BITS = 24
"""Bits of a number of beats of a whole transfer."""


class Client:
    """Thread of a transfer that no thread asked for: where its beats go."""

    LOADER = 0
    DISPATCHER = 1



def read_request(local_bits: int) -> data.StructLayout:
    """A read job whose row r is at ``address + (place + r) * row_step``, with what a fault tells.
    ``last``: its end is told to the thread. ``control``: its ``rows`` are beats, and go to the
    client that the thread stands for.
    """
    return data.StructLayout({
        "job": read_job(local_bits), "place": 32, "pc": 16, "last": 1, "control": 1,
    })  # fmt: skip


def write_request(local_bits: int) -> data.StructLayout:
    """A write job, likewise."""
    return data.StructLayout({"job": write_job(local_bits), "place": 32, "pc": 16})


SPAN = data.StructLayout({
    "address": ADDRESS_BITS, "place": 32, "row_step": 16, "beats": BEAT_BITS, "rows": 16,
    "gathered": 1, "thread": 4,
})  # fmt: skip
"""Rows of memory: row r has ``beats`` at ``address + (place + r) * row_step``, or if gathered at
``address + id * row_step`` with the r-th id of the thread's list of sources."""

BURST = data.StructLayout({"address": ADDRESS_BITS, "length": 8, "last": 1})
"""A burst of ``length + 1`` beats; ``last`` of its span."""
