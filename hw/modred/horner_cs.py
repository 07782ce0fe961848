"""Horner's rule with a carry-save state: a clock period that does not grow with the modulus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..fabric.elastic import ElasticPipeline
from ..unit import Unit
from .chunked_fold import ChunkedFold, ChunkedFoldParameters, add_chunks
from .digit_table import DigitTable, check_odd
from .iteration import Iteration, cut_digits
from .reducer import Bound, Reducer, ReducerParameters, Store, Table
from .residue_table import ResidueTable, ResidueTableParameters

__all__ = ["HornerCarrySave", "HornerCarrySaveParameters", "HornerCarrySavePipeline"]


@dataclass(frozen=True, kw_only=True)
class HornerCarrySaveParameters(ReducerParameters):
    """Parameters of :class:`HornerCarrySave`.

    Parameters
    ----------
    digit_bits
        κ, bits of the operand taken per step, 1 to 16.
    unrolled
        A rank of registers for each step and one residue per cycle, instead of one rank for all.
    store
        Where the table lies. In logic only if ``unrolled``.
    chunk_bits
        Bits that are added at the end in one cycle, at least 4.

    Raises
    ------
    ValueError
        A parameter is out of its range.

    Notes
    -----
    The state is A + B, with A below 2^n and B below 2^(n+1). A step takes digit d::

        ta = A * 2^κ + d;  tb = B * 2^κ;  h = (ta >> n) + (tb >> n)
        A, B = sum and carry of (ta mod 2^n) + (tb mod 2^n) + (h * 2^n mod M)

    so A + B stays below 2^n + 2^n + M, and h below 3 * 2^κ.
    """

    digit_bits: int = 3
    unrolled: bool = False
    store: Store = Store.LOGIC
    chunk_bits: int = 32

    architecture: ClassVar[str] = "horner_cs"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_odd(self)
        if not 1 <= self.digit_bits <= 16:
            raise ValueError(f"digit_bits must be 1 to 16, not {self.digit_bits}")
        if self.chunk_bits < 4:
            raise ValueError(f"chunk_bits must be at least 4, not {self.chunk_bits}")
        if self.store is Store.WRITABLE:
            raise ValueError("store must be LOGIC or BLOCK_RAM, not WRITABLE")
        if self.unrolled and self.store is not Store.LOGIC:
            raise ValueError(f"store must be LOGIC where unrolled, not {self.store.name}")

    @property
    def steps(self) -> int:
        """Steps for the bits of an operand beyond the first n at most."""
        return -(-(self.width - self.modulus_bits) // self.digit_bits)

    @cached_property
    def digit_table(self) -> DigitTable:
        """Residues ``h * 2^n mod M`` of every h that occurs."""
        n = self.modulus_bits
        largest = DigitTable(self.modulus, n, 3 << self.digit_bits).largest
        entries = (((2 << n) - 1 + largest << self.digit_bits) - 1 >> n) + 1
        return DigitTable(self.modulus, n, entries)

    @property
    def largest_state(self) -> int:
        """Of A + B."""
        n = self.modulus_bits
        return (2 << n) - 2 + self.digit_table.largest if self.steps else (1 << n) - 1

    @cached_property
    def end(self) -> ChunkedFoldParameters:
        """What makes a residue of A + B."""
        return ChunkedFoldParameters(
            modulus=self.modulus,
            largest=self.largest_state,
            chunk_bits=self.chunk_bits,
            tag_bits=self.tag_bits,
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.digit_table, self.end.table) if self.steps else (self.end.table,)

    @property
    def walk_cycles(self) -> int:
        """Cycles of the steps; where the end takes longer, as many, so that no result waits."""
        return max(self.steps, self.end.cycles) if self.steps else 0

    @property
    def bounds(self) -> tuple[Bound, ...]:
        n = self.modulus_bits
        lines: tuple[Bound, ...] = ()
        if self.steps:
            index = ((self.largest_state + 1 << self.digit_bits) - 1) >> n
            lines = (
                Bound("digit index", index, "A + B shifted", self.digit_table.entries - 1),
                Bound("state", self.largest_state, "two rows and an entry", (3 << n) - 1),
            )
        return lines + self.end.bounds

    @property
    def latency(self) -> int:
        if self.unrolled:
            return self.steps + self.end.cycles
        if not self.steps:  # the operand is taken when its residue is done
            return self.end.latency
        return self.walk_cycles + self.end.cycles + 2

    @property
    def interval(self) -> int:
        return 1 if self.unrolled else max(self.walk_cycles + 1, self.end.interval)

    def create(self) -> Reducer:
        return HornerCarrySavePipeline(self) if self.unrolled else HornerCarrySave(self)


class HornerCarrySave(Reducer):
    """``r = x mod M``, κ bits of x per step, with a state of two rows that are never added whole.

    :class:`CarrySaveSteps` brings the operand down to two rows; :class:`ChunkedFold` makes a
    residue of them while the steps of the next operand run. The longest path is a table, a full
    adder and an addition of κ + 2 bits, or an addition of ``chunk_bits``: neither grows with n. The
    index of the table drives all columns, so its register is one that a flow copies.

    Cycles: latency and interval of the parameters, whatever the operand. Block RAM costs none.

    Source: the redundant digits of Öztürk's squarer (ePrint 2019/826), with one table for all
    digits.
    """

    p: HornerCarrySaveParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.end = end = ChunkedFold(p.end)
        connect(m, end.o, flipped(self.o))
        if p.steps:
            m.submodules.steps = steps = CarrySaveSteps(p)
            connect(m, flipped(self.i), steps.i)
            connect(m, steps.o, end.i)
        else:
            m.d.comb += [
                end.i.valid.eq(self.i.valid),
                self.i.ready.eq(end.i.ready),
                end.i.payload.a.eq(self.i.payload.x),
            ]
            if p.tag_bits:
                m.d.comb += end.i.payload.tag.eq(self.i.payload.tag)
        return m


def _digits(m: Module, x: Value, p: HornerCarrySaveParameters) -> tuple[Value, list[Value]]:
    """Return the first n bits of the operand, and its digits, the most significant first."""
    rest = p.steps * p.digit_bits
    x = Cat(x, C(0, p.modulus_bits + rest))
    return x[rest : rest + p.modulus_bits], cut_digits(m, x[:rest], p.digit_bits)[::-1]


def _index(p: HornerCarrySaveParameters, shifted_a: Value, b: Value) -> Value:
    """Return what both rows have from bit n up, once they are shifted by a digit."""
    n = p.modulus_bits
    return (shifted_a[n:] + Cat(C(0, p.digit_bits), b)[n:])[: p.digit_bits + 2]


def _carry_save(a: Value, b: Value, c: Value) -> tuple[Value, Value]:
    """Return sum and carry of three rows."""
    return a ^ b ^ c, Cat(C(0, 1), (a & b) | (c & (a | b)))


class CarrySaveSteps(Unit):
    """All steps of :class:`HornerCarrySave`: ``a + b`` is congruent to x.

    Members
    -------
    i : In(stream)
        ``x`` and ``tag`` of the reducer.
    o : Out(stream)
        ``a`` of n bits, ``b`` of n + 1 bits, and ``tag``.

    Cycles: ``walk_cycles + 1`` for latency and interval. Between operands both rows are zero, so
    that the first n bits of x come in as a table's entry does.
    """

    p: HornerCarrySaveParameters

    def __init__(self, p: HornerCarrySaveParameters) -> None:
        tag = {"tag": p.tag_bits} if p.tag_bits else {}
        n = p.modulus_bits
        super().__init__(
            p,
            {
                "i": In(stream.Signature(data.StructLayout({"x": p.width, **tag}))),
                "o": Out(stream.Signature(data.StructLayout({"a": n, "b": n + 1, **tag}))),
            },
        )

    def body(self) -> Module:
        m = Module()
        p = self.p
        n, steps, bits = p.modulus_bits, p.steps, p.digit_bits
        first, digits = _digits(m, self.i.payload.x, p)
        walk = Iteration(m, self.i, self.o, p.walk_cycles, through=True)
        start = p.walk_cycles - steps
        next_digit, digit = walk.digits(digits, start)
        stepping = Signal()
        next_stepping = Signal()
        begins = walk.at[start - 1] if start else walk.idle
        m.d.comb += next_stepping.eq(begins | (stepping & ~walk.at[-1]))

        a = Signal(n)
        b = Signal(n + 1)
        next_a = Signal(n)
        next_b = Signal(n + 1)
        coming_a, coming_b = next_a, next_b
        if start:  # the rows wait for their first step
            coming_a, coming_b = (
                Mux(walk.idle | stepping, following, row)
                for following, row in ((next_a, a), (next_b, b))
            )
        index = _index(p, Cat(next_digit, coming_a), coming_b)
        entry = self._entry(m, walk, index & next_stepping.replicate(bits + 2))
        operand = Mux(walk.idle, first, entry)
        row_a, row_b = _carry_save(Cat(digit, a)[:n], Cat(C(0, bits), b)[:n], operand)
        m.d.comb += [next_a.eq(row_a), next_b.eq(row_b)]
        with m.If(walk.advance):
            m.d.sync += stepping.eq(next_stepping)
        with m.If(walk.last):
            m.d.sync += [a.eq(0), b.eq(0)]
        with m.Elif(walk.advance & (walk.idle | stepping)):
            m.d.sync += [a.eq(next_a), b.eq(next_b)]
        walk.finish(a=next_a, b=next_b)
        return m

    def _entry(self, m: Module, walk: Iteration, index: Value) -> Value:
        """Entry of the table for the next cycle's index."""
        p = self.p
        rom = ResidueTable(ResidueTableParameters(p.digit_table.values, p.modulus_bits, p.store))
        m.submodules.table = rom
        if p.store is Store.BLOCK_RAM:
            m.d.comb += [rom.address.eq(index), rom.enable.eq(walk.advance)]
        else:
            register = Signal(rom.p.address_bits, name="index")
            m.d.comb += rom.address.eq(register)
            with m.If(walk.advance):
                m.d.sync += register.eq(index)
        return rom.data


class HornerCarrySavePipeline(Reducer):
    """:class:`HornerCarrySave` with a rank of registers for each step and each chunk at the end.

    Cycles: latency ``steps + end.cycles``, interval 1.
    """

    p: HornerCarrySaveParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        n, bits = p.modulus_bits, p.digit_bits
        a, digits = _digits(m, self.i.payload.x, p)
        b: Value = C(0, n + 1)
        rest = Cat(*digits[::-1])
        tag = {"tag": self.i.payload.tag} if p.tag_bits else {}
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        for step in range(p.steps):
            left = (p.steps - 1 - step) * bits
            shifted = Cat(rest[left:], a)
            parameters = ResidueTableParameters(p.digit_table.values, n)
            m.submodules[f"table_{step}"] = rom = ResidueTable(parameters)
            m.d.comb += rom.address.eq(_index(p, shifted, b))
            row_a, row_b = _carry_save(shifted[:n], Cat(C(0, bits), b)[:n], rom.data)
            more = {"rest": rest[:left]} if left else {}
            at = pipe.cut(f"step_{step}", a=row_a, b=row_b, **more, **tag)
            a, b, rest = at.a, at.b, getattr(at, "rest", rest)
            tag = {"tag": at.tag} if tag else {}
        self._end(m, pipe, a, b, tag)
        return m

    def _end(
        self, m: Module, pipe: ElasticPipeline, a: Value, b: Value, tag: dict[str, Value]
    ) -> None:
        """Fold and correct, each rank one chunk; those that are done stay beside it."""
        end = self.p.end
        n, chunk, chunks = end.modulus_bits, end.chunk, end.chunks
        mask = (1 << chunk) - 1
        above = C(0, chunk * chunks - n + 1)
        rows = {"a": Cat(a[: n - 1], above), "b": Cat(b[: n - 1], above)}
        rows["index"] = (a[n - 1 :] + b[n - 1 :])[: (end.table.entries - 1).bit_length()]
        carry: Value = C(0, 2)
        done: Value = C(0, 0)
        for number in range(end.passes):
            for t in range(chunks):
                if number == 0:
                    contents = tuple(fold >> t * chunk & mask for fold in end.folds)
                    rom = ResidueTable(ResidueTableParameters(contents, chunk))
                    m.submodules[f"fold_{t}"] = rom
                    m.d.comb += rom.address.eq(rows["index"])
                    total = add_chunks(rows["a"][:chunk], rows["b"][:chunk], rom.data, carry)
                else:
                    multiple = end.corrections[number - 1].multiple * end.modulus
                    word = C(multiple >> t * chunk & mask, chunk)
                    addend = word & rows["index"].replicate(chunk)
                    total = rows["a"][:chunk] + (addend + carry)
                last = t == chunks - 1
                left = {} if last else {k: rows[k][chunk:] for k in ("a", "b") if k in rows}
                more = {} if last else {"index": rows["index"], "carry": total[chunk : chunk + 2]}
                at = pipe.cut(
                    f"pass_{number}_{t}", done=Cat(done, total[:chunk]), **left, **more, **tag
                )
                done, tag = at.done, {"tag": at.tag} if tag else {}
                if not last:
                    rows, carry = {k: getattr(at, k) for k in (*left, "index")}, at.carry
            if number < end.passes - 1:
                negative = end.corrections[number].negative
                rows = {"a": done, "index": done[-1] == negative}
                done, carry = C(0, 0), C(0, 2)
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += self.o.payload.r.eq(done)
        if tag:
            m.d.comb += self.o.payload.tag.eq(tag["tag"])
