"""The way of results out of an array: the last addition, and the stream with its back-pressure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .array_parameters import ArrayParameters
from .delay import delayed
from .resolve import Resolve, ResolveParameters

__all__ = ["DrainParameters", "ResultDrain"]


@dataclass(frozen=True)
class DrainParameters:
    """Parameters of :class:`ResultDrain`.

    Attributes
    ----------
    resolve : ResolveParameters
        Of the unit that makes numbers of pairs.
    cols : int
        N.
    carry_mask : int
        Bits of the carry words that are ever 1; 0 where sums are numbers.
    back_pressure : bool
        See :class:`~.array_parameters.ArrayParameters`.
    skewed : bool
        Whether column j is j cycles later than column 0.
    add_c : ResolveParameters or None
        Of the unit that adds C, if there is one; saturation is then its business. It may be wider.
    kept : bool
        Whether sums are copied first, for they are gone in the next cycle or come through gates.
    """

    resolve: ResolveParameters
    cols: int
    carry_mask: int
    back_pressure: bool
    skewed: bool
    add_c: ResolveParameters | None
    kept: bool = True

    @classmethod
    def of(cls, p: ArrayParameters, *, skewed: bool) -> DrainParameters:
        """The drain of an array."""
        resolve = p.resolve
        if p.c_input:
            resolve = ResolveParameters(width=p.accumulator_width, stages=p.resolve_stages)
        return cls(
            replace(resolve, words=int(p.row_correction is not None)), p.cols, p.carry_mask,
            p.back_pressure, skewed, p.resolve if p.c_input else None,
        )  # fmt: skip

    @property
    def width(self) -> int:
        """A."""
        return self.resolve.width

    @property
    def latency(self) -> int:
        """Cycles from a beat to its results, if C is there.

        A register at the end of each column, the carry chain, columns that wait for the last one,
        and C.
        """
        c = self.add_c.latency if self.add_c else 0
        return self.kept + self.resolve.latency + (self.cols - 1) * self.skewed + c

    @property
    def result_layout(self) -> data.StructLayout:
        """Payload of the results."""
        bits = (self.add_c or self.resolve).result_bits
        results = data.ArrayLayout(Shape(bits, True), self.cols)
        return data.StructLayout({"c": results, "last": 1})

    @property
    def word_layout(self) -> data.ArrayLayout:
        return data.ArrayLayout(self.width, self.cols)

    @property
    def c_layout(self) -> data.ArrayLayout:
        assert self.add_c is not None
        return data.ArrayLayout(Shape(self.add_c.width, True), self.cols)


class ResultDrain(Unit):
    """``result[n] = sum[n] + carry[n] + correction + c[n]`` of one row after another.

    Nothing in an array moves but with ``advance``: a receiver that waits stops everything at once,
    and so changes nothing but time. C is added last, so that a row of it may depend on any row of
    results before its own.

    Members
    -------
    beat, last : In(1)
        A row has its sums in this cycle (column 0, where skewed), and it is a tile's last one.
    sum, carry : In(ArrayLayout(A, N))
        Column j comes j cycles later, where skewed; ``carry`` only where there are pairs.
    correction : In(A)
        Of the row, with the beat; only if the resolve unit has a word for it.
    c : In(stream)
        A row of N numbers for each beat; only with a C input.
    o : Out(stream)
        ``p.latency`` cycles of those with ``advance`` after the beat.
    advance : Out(1)
        From ``o.ready`` and ``c.valid`` in the same cycle; always 1 without back-pressure.
    """

    p: DrainParameters

    def __init__(self, p: DrainParameters) -> None:
        super().__init__(p, {
            "beat": In(1), "last": In(1), "sum": In(p.word_layout),
            **({"carry": In(p.word_layout)} if p.carry_mask else {}),
            **({"correction": In(p.width)} if p.resolve.words else {}),
            **({"c": In(stream.Signature(p.c_layout))} if p.add_c else {}),
            "o": Out(stream.Signature(p.result_layout, always_ready=not p.back_pressure)),
            "advance": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        enable = self.advance if p.back_pressure else None
        stages = p.kept + p.resolve.latency + (p.cols - 1) * p.skewed
        valid = delayed(m, self.beat, "beat", stages, reset=True, enable=enable)
        last = delayed(m, self.last, "last", stages, enable=enable)
        correction: Value = Const(0, 0)
        if p.resolve.words:
            correction = delayed(m, self.correction, "correction", p.kept, enable=enable)
        rows = []
        for column in range(p.cols):
            if column and p.skewed:
                correction = delayed(m, correction, f"correction_{column}", 1, enable=enable)
            rows.append(self._column(m, column, correction, enable))
        ready = Signal()
        m.d.comb += self.advance.eq(~valid | ready if p.back_pressure else 1)
        if p.add_c:
            self._add_c(m, p.add_c, rows, valid, ready, last)
        else:
            m.d.comb += [
                self.o.valid.eq(valid), ready.eq(self.o.ready), self.o.payload.last.eq(last),
                *(self.o.payload.c[k].eq(row) for k, row in enumerate(rows)),
            ]
        return m

    def _column(self, m: Module, column: int, correction: Value, enable: Value | None) -> Value:
        """The numbers that the pairs of a column stand for, all columns at the same time."""
        p = self.p
        m.submodules[f"resolve_{column}"] = resolve = Resolve(p.resolve)
        if p.carry_mask:
            # Copies hold only what is ever set.
            bits = [k for k in range(p.width) if p.carry_mask >> k & 1]
            carry = Cat(self.carry[column][k] for k in bits)
            kept = delayed(m, carry, f"carry_{column}", p.kept, enable=enable)
            m.d.comb += [resolve.carry[k].eq(kept[index]) for index, k in enumerate(bits)]
        if p.resolve.words:
            m.d.comb += resolve.word_0.eq(correction)
        m.d.comb += [
            resolve.sum.eq(delayed(m, self.sum[column], f"sum_{column}", p.kept, enable=enable)),
            resolve.enable.eq(1 if enable is None else enable),
        ]
        late = p.cols - 1 - column if p.skewed else 0
        return delayed(m, resolve.result, f"resolved_{column}", late, enable=enable)

    def _add_c(
        self, m: Module, p: ResolveParameters, rows: list[Value], valid: Value, ready: Signal,
        last: Value,
    ) -> None:
        """A row of C to each row, as soon as it comes."""
        enable = Signal(name="c_advance")
        taken = valid & self.c.valid
        beat = delayed(m, taken, "c_beat", p.latency, reset=True, enable=enable)
        m.d.comb += [
            enable.eq(~self.o.valid | self.o.ready),
            ready.eq(enable & self.c.valid), self.c.ready.eq(enable & valid),
            self.o.valid.eq(beat),
            self.o.payload.last.eq(delayed(m, last, "c_last", p.latency, enable=enable)),
        ]
        for column, row in enumerate(rows):
            m.submodules[f"add_c_{column}"] = add = Resolve(p)
            m.d.comb += [
                add.sum.eq(row.as_signed()), add.carry.eq(self.c.payload[column]),
                add.enable.eq(enable),
                self.o.payload.c[column].eq(add.result),
            ]
