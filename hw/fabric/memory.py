"""Memory that leaves open what is read where it is written in the same cycle."""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.hdl import ShapeLike
from amaranth.lib.memory import Memory

__all__ = ["BlockMemory"]


class BlockMemory(Memory):
    """A :class:`~amaranth.lib.memory.Memory` for block RAM.

    Parameters
    ----------
    shape, depth, init
        As of a memory.

    Notes
    -----
    Amaranth's memory reads the old word where an address is written in the same cycle. Few block
    RAMs do; elsewhere a synthesiser compares addresses and goes round the RAM, with 86 lookup
    tables and 140 flip-flops for 1,024 words of 64 bits on ECP5. The attribute ``no_rw_check``
    tells that nobody looks at such a word. Who uses this memory makes sure of it; a test makes
    those words wrong and runs the engines.
    """

    def __init__(self, *, shape: ShapeLike, depth: int, init: Iterable[object] = ()) -> None:
        super().__init__(shape=shape, depth=depth, init=init, attrs={"no_rw_check": 1})
