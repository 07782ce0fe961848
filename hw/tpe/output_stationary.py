"""What output-stationary arrays have in common: the streams, and the steps that they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Module, Shape, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Member, connect, flipped

from ..unit import Unit
from .array_parameters import ArrayParameters, check_counts
from .engine import engine_members
from .result_drain import DrainParameters, ResultDrain
from .tile_spacing import TileSpacing, TileSpacingParameters

__all__ = ["OutputStationary", "OutputStationaryParameters", "control_ports", "take_step"]


@dataclass(frozen=True, kw_only=True)
class OutputStationaryParameters(ArrayParameters):
    """Parameters of an output-stationary array.

    Parameters
    ----------
    rows
        M, rows of the result at a time, at least 1.

    The others are those of :class:`~.array_parameters.ArrayParameters`.
    """

    SKEWED: ClassVar[bool]
    """Whether column j is j cycles later than column 0."""

    rows: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "rows")

    def of_lanes(self, shape: Shape) -> Shape | data.ArrayLayout:
        """One operand of a step, or those of all lanes."""
        return data.ArrayLayout(shape, self.lanes) if self.lanes > 1 else shape

    @property
    def step_layout(self) -> data.StructLayout:
        """Payload of the operands: one k, or one for each lane."""
        return data.StructLayout({
            "a": data.ArrayLayout(self.of_lanes(self.operands.a_shape), self.rows),
            "b": data.ArrayLayout(self.of_lanes(self.operands.b_shape), self.cols),
            "first": 1, "last": 1,
        })  # fmt: skip

    @property
    def drain(self) -> DrainParameters:
        """Parameters of the way out."""
        return DrainParameters.of(self, skewed=self.SKEWED)

    @property
    def element_latency(self) -> int:
        """Cycles from operands to the sum that has them."""
        return getattr(self.element, "latency", 1)

    @property
    def latency(self) -> int:
        """Cycles from a tile's last step to its first row of results, if nothing stalls.

        One into the registers at the edge, those of element (0, 0), then the drain's.
        """
        return 1 + self.element_latency + self.drain.latency

    def tile_cycles(self, depth: int) -> int:
        """Cycles from a tile's start to the next one's, if neither operands nor results wait.

        A cycle for each step, which takes a k for each lane; and as rows leave one in a cycle, a
        tile has the way out for ``rows`` cycles.
        """
        return max(-(-depth // self.lanes), self.rows)


def control_ports(p: OutputStationaryParameters) -> dict[str, Member]:
    """Ports for the steps of a grid of elements."""
    layout = p.step_layout.members
    return {
        "a": In(layout["a"]), "b": In(layout["b"]), "first": In(1), "last": In(1),
        **({"valid": In(1), "advance": In(1)} if p.back_pressure else {}),
    }  # fmt: skip


def take_step(m: Module, unit: Unit, first: Value, valid: Value, advance: Value | None) -> None:
    """Let an element or a row's correction take a step; every cycle if ``advance`` is None."""
    m.d.comb += unit.first.eq(first)
    if advance is not None:
        m.d.comb += unit.enable.eq(valid & advance)


class OutputStationary(Unit):
    """``c[m, n] = Σ_k a[m, k] b[k, n] (+ c_input[m, n])``, a tile of M x N after another.

    Subclasses say what is between the operands and the drain, in :meth:`grid`.

    Members
    -------
    i : In(stream of p.step_layout)
        One k of a tile in each transfer (with lanes, one for each of them; those beyond K are 0): a
        column of A and a row of B. ``first`` starts new sums (without it the tile goes on with
        those that were there), ``last`` sends them out.
    c : In(stream of p.c_layout)
        A row for each row of results; only with a C input.
    o : Out(stream of {c, last})
        Rows m = 0 to M - 1 of a tile, with ``last`` on the last one.

    Notes
    -----
    Cycles: a step in each; a tile takes ``p.tile_cycles(K)``, and the first row leaves
    ``p.latency`` cycles after the last step went in. ``i.ready`` depends on ``last`` in the
    payload, on ``o.ready`` and ``c.valid``, but never on ``i.valid``.
    """

    p: OutputStationaryParameters

    def __init__(self, p: OutputStationaryParameters) -> None:
        super().__init__(p, engine_members(p, p.drain.result_layout))

    def grid(self, m: Module, drain: ResultDrain) -> Unit:
        """Add the elements, with the ports of :func:`control_ports`, and connect their sums."""
        raise TypeError(f"{type(self).__name__} must define grid()")

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.drain = drain = ResultDrain(p.drain)
        m.submodules.spacing = spacing = TileSpacing(TileSpacingParameters(p.rows))
        m.submodules.grid = grid = self.grid(m, drain)
        step = self.i.payload
        taken = self.i.valid & spacing.ready
        a = step.a.as_value()
        if p.back_pressure:
            m.d.comb += [grid.valid.eq(taken), grid.advance.eq(drain.advance)]
        else:
            a = a & taken.replicate(len(a))
        m.d.comb += [
            spacing.valid.eq(self.i.valid), spacing.last.eq(step.last),
            spacing.advance.eq(drain.advance), self.i.ready.eq(spacing.ready),
            grid.first.eq(step.first & taken), grid.last.eq(step.last & taken),
            Value.cast(grid.a).eq(a), Value.cast(grid.b).eq(step.b.as_value()),
        ]
        if p.c_input:
            connect(m, flipped(self.c), drain.c)
        connect(m, drain.o, flipped(self.o))
        return m
