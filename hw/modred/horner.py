"""Horner's rule on the digits of the operand: one small set of residue tables, used again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from amaranth.hdl import C, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import connect, flipped

from ..fabric.elastic import ElasticPipeline
from .corrections import Correction, plan_corrections
from .digit_table import DigitTable, check_odd
from .iteration import Iteration, cut_digits
from .reducer import Bound, Reducer, ReducerParameters, Store
from .residue_table import ResidueTable, ResidueTableParameters
from .table_filler import (
    Base,
    TableFiller,
    TableFillerParameters,
    WritableTable,
    modulus_ports,
    writable_table,
)

__all__ = ["Horner", "HornerParameters", "HornerPipeline"]


@dataclass(frozen=True, kw_only=True)
class HornerParameters(ReducerParameters):
    """Parameters of :class:`Horner`.

    Parameters
    ----------
    digit_bits
        κ, bits of the operand taken per step, 1 to 16.
    table_count
        p, tables that the index of a step is cut for, 1 to κ.
    unrolled
        A rank of registers for each step and one residue per cycle, instead of one rank for all.
    store
        Where the tables lie. In logic only if ``unrolled``.

    Raises
    ------
    ValueError
        A parameter is out of its range.

    Notes
    -----
    n bits of modulus, state R of n + e bits in two's complement. A step takes digit d::

        t = R * 2^κ + d;    R = (t mod 2^n) + Σ_i E_i[bits a_i … of t >> n]

    with ``E_i[v] = v * 2^(n + a_i) mod M``, less M in the tables that hold negative residues: so R
    stays between -(number of those) * M and 2^n + (number of the others) * M. e is the smallest
    for which that fits; with one table it is 1.
    """

    digit_bits: int = 3
    table_count: int = 1
    unrolled: bool = False
    store: Store = Store.LOGIC

    architecture: ClassVar[str] = "horner"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_odd(self)
        if not 1 <= self.digit_bits <= 16:
            raise ValueError(f"digit_bits must be 1 to 16, not {self.digit_bits}")
        if not 1 <= self.table_count <= self.digit_bits:
            raise ValueError(
                f"table_count must be 1 to digit_bits = {self.digit_bits}, not {self.table_count}"
            )
        if self.store is Store.WRITABLE and self.table_count > 4:
            raise ValueError(
                f"table_count must be 1 to 4 with a writable store, not {self.table_count}"
            )
        if self.unrolled and self.store is not Store.LOGIC:
            raise ValueError(f"store must be LOGIC where unrolled, not {self.store.name}")

    @property
    def steps(self) -> int:
        """Steps for the bits of an operand beyond the first n at most."""
        return -(-(self.width - self.modulus_bits) // self.digit_bits)

    @property
    def largest_modulus(self) -> int:
        """Of the moduli that the hardware may get."""
        if self.store is Store.WRITABLE:
            return (1 << self.modulus_bits) - 1
        return self.modulus

    @cached_property
    def _layout(self) -> tuple[int, tuple[DigitTable, ...], int, int]:
        """e, the tables, and the largest magnitudes of the state below and from 0 up."""
        n, negatives = self.modulus_bits, self.table_count // 2 + 1
        if self.store is Store.WRITABLE:
            negatives = self.table_count
        for excess in range(1, self.table_count + 2):
            index_bits = self.digit_bits + excess
            cuts = [index_bits * i // self.table_count for i in range(self.table_count + 1)]
            tables = tuple(
                DigitTable(
                    self.modulus,
                    n + low,
                    1 << (high - low),
                    signed=high == index_bits,
                    negative=i >= self.table_count - negatives,
                )
                for i, (low, high) in enumerate(pairwise(cuts))
            )
            if self.store is Store.WRITABLE:
                largest = [self.largest_modulus] * self.table_count
            else:
                largest = [table.largest for table in tables]
            below = sum(x for x, table in zip(largest, tables, strict=True) if table.negative)
            above = (1 << n) - 1 + sum(largest) - below
            if below <= 1 << (n + excess - 1) and above < 1 << (n + excess - 1):
                return excess, tables, below, above
        raise AssertionError("no e holds the state")

    @property
    def excess(self) -> int:
        """e, bits of the state beyond those of the modulus."""
        return self._layout[0]

    @property
    def tables(self) -> tuple[DigitTable, ...]:
        return self._layout[1] if self.steps else ()

    @property
    def state_range(self) -> tuple[int, int]:
        """``(low, high)``: after the steps, -low <= R <= high."""
        if not self.steps:
            return 0, (1 << self.modulus_bits) - 1
        return self._layout[2:]

    @cached_property
    def corrections(self) -> tuple[Correction, ...]:
        """What takes the state to 0 … M - 1; right for the smallest modulus and so for all."""
        smallest = self.modulus
        low, high = self.state_range
        if self.store is Store.WRITABLE:
            smallest = (1 << (self.modulus_bits - 1)) + 1
            low = low // self.largest_modulus * smallest
        return plan_corrections(low, high, smallest)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        n, (low, high) = self.modulus_bits, self.state_range
        half = 1 << (n + self.excess - 1)
        lines = [
            Bound("first state", (1 << n) - 1, "the first n bits of the operand", half - 1),
            Bound("state", high, "n low bits and the largest entries", half - 1),
            Bound("state below zero", low, "the largest negative entries", half),
        ]
        for number, each in enumerate(self.corrections, 1):
            word = "negative" if each.negative else "not negative"
            reason = f"{each.multiple:+d} M where {word}"
            lines += [
                Bound(f"correction {number}", each.high, reason),
                Bound(f"correction {number} below zero", each.low, reason),
            ]
        largest = self.largest_modulus - 1
        return (*lines, Bound("residue", largest, "the last correction", largest))

    @property
    def state_bits(self) -> int:
        """Bits of the state register: corrections shift the state as steps do."""
        scaled = [
            max(max(each.low - 1, 0).bit_length(), each.high.bit_length()) + 1
            + self.digit_bits * number
            for number, each in enumerate(self.corrections[:-1], 1)
        ]
        return max(self.modulus_bits + self.excess, *scaled, 0)

    @property
    def adder_bits(self) -> int:
        final = self.modulus_bits + self.digit_bits * len(self.corrections)
        return max(self.state_bits, final)

    @cached_property
    def spare(self) -> tuple[int, ...]:
        """Addresses of the top table, one per correction, that no state reaches; none if few."""
        if not self.steps or self.store is Store.WRITABLE or len(self.corrections) < 3:
            return ()
        top, (low, high) = self.tables[-1], self.state_range
        lowest = (-low << self.digit_bits) >> top.shift
        highest = ((high + 1 << self.digit_bits) - 1) >> top.shift
        reached = {v % top.entries for v in range(lowest, highest + 1)}
        free = [v for v in range(top.entries) if v not in reached]
        wanted = len(self.corrections)
        return tuple(free[:wanted]) if len(free) >= wanted else ()

    @property
    def latency(self) -> int:
        return self.steps + len(self.corrections) + (not self.unrolled)

    @property
    def interval(self) -> int:
        return 1 if self.unrolled else self.latency

    @property
    def filler(self) -> TableFillerParameters:
        """The engine for writable tables."""
        tables = tuple(
            WritableTable(table.entries, Base.NEXT if number else Base.WHOLE, table.signed)
            for number, table in enumerate(self._layout[1])
        )
        return TableFillerParameters(modulus=self.modulus, tables=tables, less_modulus=True)

    def create(self) -> Reducer:
        return HornerPipeline(self) if self.unrolled else Horner(self)


def _digits(m: Module, reducer: Reducer, p: HornerParameters) -> tuple[Value, list[Value]]:
    """Return the first n bits of the operand, and its digits, the most significant first."""
    rest = p.steps * p.digit_bits
    x = Cat(reducer.i.payload.x, C(0, p.modulus_bits + rest))
    return x[rest : rest + p.modulus_bits], cut_digits(m, x[:rest], p.digit_bits)[::-1]


class Horner(Reducer):
    """``r = x mod M``, κ bits of x per step, most significant first.

    One adder does all: the first n bits of x are added to zero; ``steps`` cycles add a residue to
    the shifted state; the corrections add a multiple of M where the sign asks for it. The state is
    shifted in these cycles as well, and the multiples with it: so the adder has κ more bits per
    correction, and no multiplexer before its first operand. The second is an entry of the table,
    x, or a multiple of M. Where the top table has addresses that no state reaches, the multiples
    lie there.

    Cycles: ``steps + corrections + 1`` for latency and interval, whatever the operand. Block RAM
    costs none: it gets its address from the sum, at the same time as the state register.

    Source: ALLMod (DAC 2025) for tables of residues; Will and Ko, "Computing mod without mod"
    (ePrint 2014/755), for one table used from the top of the operand down.
    """

    p: HornerParameters

    def __init__(self, p: HornerParameters) -> None:
        writable = p.store is Store.WRITABLE
        super().__init__(p, **(modulus_ports(p.modulus_bits) if writable else {}))

    def body(self) -> Module:
        m = Module()
        p = self.p
        n, steps = p.modulus_bits, p.steps
        first, digits = _digits(m, self, p)
        filler = TableFiller(p.filler) if p.store is Store.WRITABLE else None
        walk = Iteration(
            m, self.i, self.o, steps + len(p.corrections), open=filler.filled if filler else 1
        )
        if filler:
            m.submodules.filler = filler
            connect(m, flipped(self.modulus), filler.modulus)
            m.d.comb += [filler.busy.eq(~walk.idle), self.error.eq(filler.error)]

        # Zero between operands, so that the first n bits can come through the adder; hence reset.
        state = Signal(p.state_bits)
        total = Signal(p.adder_bits)
        # In this order the flip-flops' own resets clear the state, and no gates.
        with m.If(walk.last):
            m.d.sync += state.eq(0)
        with m.Elif(walk.advance):
            m.d.sync += state.eq(total[: p.state_bits])

        # What the next cycle does, known from the sum before it is in the state register.
        next_digit: Value = C(0, p.digit_bits)
        digit: Value = C(0, p.digit_bits)
        stepping = Signal()
        next_stepping = Signal()
        if steps:
            next_digit, digit = walk.digits(digits)
            m.d.comb += next_stepping.eq(walk.idle | (stepping & ~walk.at[steps - 1]))
        with m.If(walk.advance):
            m.d.sync += stepping.eq(next_stepping)
        negative = total[p.state_bits - 1]
        begins = [walk.take, *walk.at][steps:-1]
        corrects = [
            begin & (negative == each.negative)
            for begin, each in zip(begins, p.corrections, strict=True)
        ]

        index = Cat(next_digit, total[: p.state_bits])
        entries = [
            self._entry(m, walk, number, index, next_stepping, corrects, filler)
            for number in range(len(p.tables))
        ]
        operand = Mux(walk.idle, first, entries.pop()) if p.spare else Signal(p.adder_bits)
        unit = Signal()  # makes a negative of a complement, where the digit is 0
        if not p.spare:
            # Two bits select among the entry, x and two multiples, so that with them a four-input
            # table is enough.
            select = Signal(range(2 + len(p.corrections)), init=1)
            with m.If(walk.advance):
                m.d.sync += select.eq(walk.last)
                for number, correct in enumerate(corrects):
                    with m.If(correct):
                        m.d.sync += select.eq(2 + number)
            with m.Switch(select):
                with m.Case(0):
                    m.d.comb += operand.eq(entries.pop() if entries else 0)
                with m.Case(1):
                    m.d.comb += operand.eq(first)
                for number, multiple in enumerate(self._multiples(filler)):
                    with m.Case(2 + number):
                        m.d.comb += operand.eq(multiple)
                        if filler and p.corrections[number].multiple < 0:
                            m.d.comb += unit.eq(1)
        shifted = Cat(digit | unit, state)
        high = shifted[n : p.adder_bits] & ~stepping.replicate(p.adder_bits - n)
        if p.store is not Store.LOGIC:
            # After a reset amid a step, a memory's register may hold an entry.
            entries = [Mux(walk.idle, 0, entry) for entry in entries]
        m.d.comb += total.eq(sum(entries, Cat(shifted[:n], high) + operand))
        walk.finish(r=total[p.digit_bits * len(p.corrections) :])
        return m

    def _multiples(self, filler: TableFiller | None = None) -> list[Value]:
        """Multiple of M that each correction adds, as far to the left as the state is then.

        Of a modulus in a register, the complement of what is subtracted.
        """
        p = self.p
        multiples: list[Value] = []
        for number, each in enumerate(p.corrections, 1):
            places = p.digit_bits * number
            if filler:
                multiple = (filler.value << places + abs(each.multiple).bit_length() - 1)
                multiple = Cat(multiple, C(0, p.adder_bits))[: p.adder_bits]
                multiples.append(~multiple if each.multiple < 0 else multiple)
            else:
                multiples.append(C(each.multiple * p.modulus << places, p.adder_bits))
        return multiples

    def _entry(
        self,
        m: Module,
        walk: Iteration,
        number: int,
        index: Value,
        stepping: Value,
        corrects: list[Value],
        filler: TableFiller | None,
    ) -> Value:
        """Entry of a table for the next cycle, signed: 0 where that does no step.

        The address is kept rather than the entry, in one register for all columns; a flow that
        minds its fan-out copies it.
        """
        p, table = self.p, self.p.tables[number]
        bits = (table.entries - 1).bit_length()
        address = index[table.shift : table.shift + bits] & stepping.replicate(bits)
        if filler:
            memory = writable_table(m, f"table_{number}", filler, number)
            if table.entries > 32:  # deep enough for block RAM
                port = memory.read_port()
                m.d.comb += [port.addr.eq(address), port.en.eq(walk.advance)]
            else:
                port = memory.read_port(domain="comb")
                m.d.comb += port.addr.eq(self._kept(m, walk, number, address))
            return port.data.as_signed()
        contents, width = list(table.values), p.modulus_bits + 1
        if table.signed and p.spare:
            width = p.adder_bits
            for spare, multiple, correct in zip(p.spare, self._multiples(), corrects, strict=True):
                contents[spare] = Const.cast(multiple).value
                address = address | Mux(correct, C(spare, bits), 0)
        mask = (1 << width) - 1
        rom = ResidueTable(
            ResidueTableParameters(tuple(entry & mask for entry in contents), width, p.store)
        )
        m.submodules[f"table_{number}"] = rom
        if p.store is Store.BLOCK_RAM:
            m.d.comb += [rom.address.eq(address), rom.enable.eq(walk.advance)]
        else:
            m.d.comb += rom.address.eq(self._kept(m, walk, number, address))
        return rom.data.as_signed()

    def _kept(self, m: Module, walk: Iteration, number: int, address: Value) -> Value:
        register = Signal(len(address), name=f"index_{number}")
        with m.If(walk.advance):
            m.d.sync += register.eq(address)
        return register


class HornerPipeline(Reducer):
    """:class:`Horner` with a rank of registers for each step and each correction.

    Cycles: latency ``steps + corrections``, interval 1.
    """

    p: HornerParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        n, bits = p.modulus_bits, p.modulus_bits + p.excess
        first, digits = _digits(m, self, p)
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        tag = {"tag": self.i.payload.tag} if p.tag_bits else {}
        state, rest = Cat(first, C(0, p.excess)), Cat(*digits[::-1])
        for step in range(p.steps):
            left = (p.steps - 1 - step) * p.digit_bits
            shifted = Cat(rest[left:], state)
            total: Value = shifted[:n]
            for number, table in enumerate(p.tables):
                total = total + self._read(m, f"table_{step}_{number}", table, shifted)
            more = {"rest": rest[:left]} if left else {}
            at = pipe.cut(f"step_{step}", state=total[:bits], **more, **tag)
            state, rest = at.state, getattr(at, "rest", rest)
            tag = {"tag": at.tag} if tag else {}
        for number, each in enumerate(p.corrections):
            multiple = Mux(state[-1] == each.negative, C(each.multiple * p.modulus, bits), 0)
            at = pipe.cut(f"correction_{number}", state=(state + multiple)[:bits], **tag)
            state = at.state
            tag = {"tag": at.tag} if tag else {}
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += self.o.payload.r.eq(state)
        if tag:
            m.d.comb += self.o.payload.tag.eq(tag["tag"])
        return m

    def _read(self, m: Module, name: str, table: DigitTable, shifted: Value) -> Value:
        """Entry of a table, signed, by its index in the shifted state."""
        width = self.p.modulus_bits + 1
        contents = tuple(value & ((1 << width) - 1) for value in table.values)
        m.submodules[name] = rom = ResidueTable(ResidueTableParameters(contents, width))
        m.d.comb += rom.address.eq(shifted[table.shift : table.shift + rom.p.address_bits])
        return rom.data.as_signed()
