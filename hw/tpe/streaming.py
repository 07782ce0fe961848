"""Arrays whose sums leave with each step: what their parameters have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Module, Shape, Value
from amaranth.lib import data

from .array_parameters import ArrayParameters, check_counts
from .resolve import ResolveParameters
from .result_drain import DrainParameters, ResultDrain

__all__ = ["StreamingParameters", "connect_drain"]


@dataclass(frozen=True, kw_only=True)
class StreamingParameters(ArrayParameters):
    """Parameters of arrays that add up K products of a sum side by side.

    Parameters
    ----------
    depth
        K, products of a sum at a time, at least 1.

    The others are those of :class:`~.array_parameters.ArrayParameters`.
    """

    SKEWED: ClassVar[bool] = False

    depth: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "depth")
        if not 1 <= self.resolve_stages <= self.width:
            raise ValueError(
                f"resolve_stages must be in 1..{self.width}, not {self.resolve_stages!r}"
            )

    @property
    def width(self) -> int:
        """E, bits of the sums: those of an exact sum of K products, at most A."""
        return min(self.operands.accumulator_width(self.depth), self.accumulator_width)

    @property
    def row_correction(self) -> None:
        """There is none at the end: sums have it from within."""
        return None

    @property
    def results(self) -> int:
        """Results that leave at a time."""
        return self.cols

    @property
    def drain(self) -> DrainParameters:
        """Parameters of the way out: sums of E bits become A where C is added, or at the port."""
        width = self.accumulator_width if self.c_input else self.width
        narrow = self.result_width is not None and self.result_width < width
        cut = {
            "result_width": self.result_width if narrow else None,
            "saturate": self.saturate and narrow,
        }
        stages = self.resolve_stages
        return DrainParameters(
            ResolveParameters(width=self.width, stages=stages, **({} if self.c_input else cut)),
            self.results, self.carry_mask, self.back_pressure, self.SKEWED,
            ResolveParameters(width=width, stages=stages, **cut) if self.c_input else None,
            kept=False,
        )  # fmt: skip

    @property
    def output_layout(self) -> data.StructLayout:
        """Payload of the results."""
        return data.StructLayout({"c": self.result_layout, "last": 1})


def connect_drain(m: Module, drain: ResultDrain, o: object, c: object | None) -> None:
    """Connect the streams of an array to those of its drain, whose results may be narrower."""
    p = drain.p
    width = len(drain.o.payload.c[0])
    target = Value.cast(o.payload.c)
    size = len(target) // p.cols
    for index in range(p.cols):
        result = drain.o.payload.c[index]
        assert Shape.cast(result.shape()).signed and size >= width
        m.d.comb += target[index * size : (index + 1) * size].eq(result)
    m.d.comb += o.valid.eq(drain.o.valid)
    if hasattr(o.payload, "last"):
        m.d.comb += o.payload.last.eq(drain.o.payload.last)
    if p.back_pressure:
        m.d.comb += drain.o.ready.eq(o.ready)
    if c is not None:
        m.d.comb += [
            Value.cast(drain.c.payload).eq(Value.cast(c.payload)),
            drain.c.valid.eq(c.valid), c.ready.eq(drain.c.ready),
        ]
