"""What the engines of the vector unit have in common: a job's beginning and end, and ports."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .instruction import Opcode
from .jobs import accumulator_read, accumulator_write, vector_job
from .parameters import GnnParameters

__all__ = ["engine_members", "list_read", "one_of", "word_write"]


def list_read(words: int, width: int) -> wiring.Signature:
    """A read port of the memory of the thread that a job names; data two cycles later."""
    return wiring.Signature({
        "enable": Out(1), "address": Out(range(words)), "data": In(width),
    })  # fmt: skip


def word_write(words: int, width: int) -> wiring.Signature:
    """A write port of whole words of that thread's memory."""
    return wiring.Signature({
        "enable": Out(1), "address": Out(range(words)), "data": Out(width),
    })  # fmt: skip


def engine_members(p: GnnParameters) -> dict[str, wiring.Member]:
    """Members of every engine.

    ``start`` for one cycle, from which on ``job`` is steady until ``finished``, one cycle in which
    the last word is written or later. ``busy`` is an engine's occupancy.
    """
    return {
        "start": In(1), "job": In(vector_job(p)), "finished": Out(1), "busy": Out(1),
        "accumulators": Out(accumulator_read(p)),
        "accumulators_write": Out(accumulator_write(p)),
    }  # fmt: skip


def one_of(op: Any, *operations: Opcode) -> Value:
    """The operation is one of these."""
    return reduce(or_, (op == each for each in operations))
