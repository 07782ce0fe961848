"""Bits for words of local memory that a run reads and nobody has written."""

from __future__ import annotations

from cocotb.handle import ArrayObject, HierarchyObject

from ..bench import Bench

__all__ = ["define_rows"]


def define_rows(bench: Bench) -> None:
    """Give the words of local memory any bits where a simulator shows us its memories.

    A row's last beat may fill a part of its last word. What is behind it meets weights of 0, and 0
    times an undefined number is 0 in hardware, but not for a simulator of four states.
    """
    for block in bench.dut:
        if not isinstance(block, HierarchyObject):
            continue
        for memory in block:
            if isinstance(memory, ArrayObject) and memory._name.startswith("local_"):
                for word in memory:
                    word.value = bench.rng.getrandbits(len(word))
