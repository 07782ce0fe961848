"""What the two memory engines are asked for, and how a transfer turns into bursts."""

from __future__ import annotations

from amaranth.lib import data
from amaranth.utils import bits_for

from .axi import ADDRESS_BITS
from .jobs import read_job, write_job
from .parameters import GnnParameters

__all__ = [
    "BURST", "JOBS_UNDER_WAY", "Client", "read_request", "span_layout", "write_request",
]  # fmt: skip

JOBS_UNDER_WAY = 8
"""Reads whose beats have not all come, and as many writes that are not all acknowledged."""


class Client:
    """Thread of a transfer that no thread asked for: where its beats go."""

    LOADER = 0
    DISPATCHER = 1


def read_request(p: GnnParameters) -> data.StructLayout:
    """A read job whose row r is at ``address + (place + r) * row_step``, with what a fault tells.
    ``last``: its end is told to the thread. ``control``: its ``rows`` are beats, and go to the
    client that the thread stands for.
    """
    return data.StructLayout({
        "job": read_job(p), "place": 32, "pc": p.pc_bits, "last": 1, "control": 1,
    })  # fmt: skip


def write_request(p: GnnParameters) -> data.StructLayout:
    """A write job, likewise."""
    return data.StructLayout({"job": write_job(p), "place": 32, "pc": p.pc_bits})


def span_layout(row_beats: int) -> data.StructLayout:
    """Rows of memory, of at most so many beats: row r has ``beats`` at
    ``address + (place + r) * row_step``, or if gathered at ``address + id * row_step`` with the
    r-th id of the thread's list of sources.
    """
    return data.StructLayout({
        "address": ADDRESS_BITS, "place": 32, "row_step": 16, "beats": bits_for(row_beats),
        "rows": 16, "gathered": 1, "thread": 4,
    })  # fmt: skip


BURST = data.StructLayout({"address": ADDRESS_BITS, "length": 8, "last": 1})
"""A burst of ``length + 1`` beats; ``last`` of its span."""
