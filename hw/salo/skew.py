"""Delays by which words that come in one cycle enter an array when they are due."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .array_parameters import ArrayParameters

__all__ = ["Skew", "SkewParameters"]


@dataclass(frozen=True)
class SkewParameters:
    """Signed words of ``width`` bits, each with the number of cycles that it is to wait.

    Raises
    ------
    ValueError
        There is no word, or one has no bit or would have to come early.
    """

    width: int
    delays: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        if not self.delays or min(self.delays) < 0:
            raise ValueError(f"delays must be from 0 on, at least one, not {self.delays}")

    @classmethod
    def of_kv(cls, p: ArrayParameters) -> SkewParameters:
        """For ``kv`` of an array: the ports of all segments."""
        delays = [p.kv_delay(s, port) for s in range(p.segments) for port in range(p.ports)]
        return cls(p.datapath.kv_bits, tuple(delays))

    @classmethod
    def of_gather(cls, p: ArrayParameters) -> SkewParameters:
        """For ``gather``: the gather columns of all rows."""
        delays = [p.gather_delay(x) for _ in range(p.rows) for x in range(p.gather)]
        return cls(p.datapath.kv_bits, tuple(delays))

    @classmethod
    def of_rider_q(cls, p: ArrayParameters) -> SkewParameters:
        """For ``rider_q``."""
        return cls(p.datapath.q_bits, tuple(map(p.rider_delay, range(p.global_rows))))

    @classmethod
    def of_rider_kv(cls, p: ArrayParameters) -> SkewParameters:
        """For ``rider_kv``: the columns of all riders."""
        delays = [p.rider_delay(g) + j for g in range(p.global_rows) for j in range(p.cols)]
        return cls(p.datapath.kv_bits, tuple(delays))


class Skew(Unit):
    """``o[k] = i[k]`` of ``delays[k]`` cycles ago.

    With it, all that a tile takes in stage c comes in cycle ``t0 + c``, except for the bits
    ``allowed``: to keep these for the columns would take as many registers for each row as there
    are pairs of columns, where whoever makes them can do so for one column in each cycle.

    Members
    -------
    i : In(array of signed(width)), o : Out(the same)
    """

    p: SkewParameters

    def __init__(self, p: SkewParameters) -> None:
        words = data.ArrayLayout(signed(p.width), len(p.delays))
        super().__init__(p, {"i": In(words), "o": Out(words)})

    def body(self) -> Module:
        m = Module()
        width = self.p.width
        for k, delay in enumerate(self.p.delays):
            waiting = Signal(delay * width, name=f"waiting_{k}", reset_less=True)
            words = Cat(self.i[k], waiting)
            m.d.sync += waiting.eq(words[: delay * width])
            m.d.comb += self.o[k].eq(words[delay * width :])
        return m
