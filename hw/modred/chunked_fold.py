"""The end of a carry-save reduction, a chunk of bits at a time: one fold, then the corrections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .corrections import Correction, plan_corrections
from .iteration import Iteration, select
from .reducer import Bound, Table
from .residue_table import ResidueTable, ResidueTableParameters

__all__ = ["ChunkedFold", "ChunkedFoldParameters", "add_chunks"]


def add_chunks(first: Value, second: Value, third: Value, carry: Value) -> Value:
    """Return the sum of three words of c bits and a carry of 0 to 2, in c + 2 bits.

    Counters leave two words and two free places of weight 1, the low end of the second word and the
    carry into the adder: so there is one carry chain, and not two in series.
    """
    total = first ^ second ^ third
    carries = (first & second) | (third & (first | second))
    two = carry[1]
    return (Cat(two, total) + Cat(two, carry.any(), carries))[1:]


@dataclass(frozen=True, kw_only=True)
class ChunkedFoldParameters:
    """Parameters of :class:`ChunkedFold`.

    Parameters
    ----------
    modulus
        M of n bits, odd.
    largest
        Largest ``a + b``.
    chunk_bits
        Bits that are added in a cycle, at least 4.
    tag_bits
        Bits that travel with each operand.

    Notes
    -----
    With h the sum of what both rows have from bit n - 1 up, the first pass adds
    ``a mod 2^(n-1) + b mod 2^(n-1) + (h * 2^(n-1) mod M) - M``, which is from -M to 2 M - 1; each
    further pass adds a multiple of M if the sign asks for it.
    """

    modulus: int
    largest: int
    chunk_bits: int
    tag_bits: int = 0

    @property
    def modulus_bits(self) -> int:
        return self.modulus.bit_length()

    @cached_property
    def table(self) -> Table:
        """Residues of h."""
        shift = self.modulus_bits - 1
        return Table(self.modulus, shift, (self.largest >> shift) + 1)

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """What the first pass adds for each h: the residue less M."""
        return tuple(self.table[h] - self.modulus for h in range(self.table.entries))

    @property
    def largest_folded(self) -> int:
        return max(0, (1 << self.modulus_bits) - 2 + max(self.folds))

    @cached_property
    def corrections(self) -> tuple[Correction, ...]:
        return plan_corrections(self.modulus, self.largest_folded, self.modulus)

    @property
    def passes(self) -> int:
        return 1 + len(self.corrections)

    @property
    def chunk(self) -> int:
        """Bits of a chunk: there are two or more, so that each is written before it is read."""
        return min(self.chunk_bits, -(-(self.modulus_bits + 2) // 2))

    @property
    def chunks(self) -> int:
        """Chunks of a number from -M to 2 M - 1 in two's complement."""
        return -(-(self.modulus_bits + 2) // self.chunk)

    @property
    def cycles(self) -> int:
        return self.passes * self.chunks

    @property
    def latency(self) -> int:
        """From the cycle that takes an operand: it stays until its residue is done."""
        return 1

    @property
    def interval(self) -> int:
        return self.cycles + 1

    @property
    def bounds(self) -> tuple[Bound, ...]:
        n, modulus, top = self.modulus_bits, self.modulus, self.table.entries - 1
        lines = [
            Bound("fold index", self.largest >> (n - 1), "rows from bit n - 1 up", top),
            Bound("folded", self.largest_folded, "low parts and residue, less M", 2 * modulus - 1),
            Bound("folded below zero", -min(self.folds), "smallest residue less M", modulus),
        ]
        for number, each in enumerate(self.corrections, 1):
            word = "negative" if each.negative else "not negative"
            reason = f"{each.multiple:+d} M where {word}"
            lines += [
                Bound(f"correction {number}", each.high, reason),
                Bound(f"correction {number} below zero", each.low, reason),
            ]
        return (*lines, Bound("residue", modulus - 1, "the last correction", modulus - 1))


class ChunkedFold(Unit):
    """``r = (a + b) mod M`` with an adder of ``chunk_bits``, pass after pass over the chunks.

    Members
    -------
    i : In(stream)
        ``a`` of n bits, ``b`` of n + 1, and ``tag``; the operand stays until the residue is there.
    o : Out(stream)
        ``r``, 0 to M - 1, and ``tag``.

    Cycles: a residue every ``passes * chunks + 1``.
    """

    p: ChunkedFoldParameters

    def __init__(self, p: ChunkedFoldParameters) -> None:
        tag = {"tag": p.tag_bits} if p.tag_bits else {}
        n = p.modulus_bits
        super().__init__(
            p,
            {
                "i": In(stream.Signature(data.StructLayout({"a": n, "b": n + 1, **tag}))),
                "o": Out(stream.Signature(data.StructLayout({"r": n, **tag}))),
            },
        )

    def body(self) -> Module:
        m = Module()
        p = self.p
        n, chunk, chunks = p.modulus_bits, p.chunk, p.chunks
        walk = Iteration(m, self.i, self.o, p.cycles, borrow=True)
        a, b = self.i.payload.a, self.i.payload.b

        # The chunk that is fetched for the next cycle: a bit for each, and its number.
        place = Signal(chunks, init=1)
        number = Signal(range(chunks))
        folding = Signal()
        next_folding = Signal()
        end = Signal()  # of a pass
        m.d.comb += [
            next_folding.eq(walk.idle | (folding & ~place[0])),
            end.eq(~walk.idle & place[0]),
        ]
        with m.If(walk.advance):
            m.d.sync += [
                place.eq(place.rotate_left(1)),
                number.eq(Mux(place[-1], 0, number + 1)),
                folding.eq(next_folding),
            ]
        with m.If(walk.last):
            m.d.sync += [place.eq(1), number.eq(0)]

        total = Signal(chunk + 2)
        result = Signal(chunk * chunks, reset_less=True)
        for t in range(chunks):
            with m.If(walk.advance & ~walk.idle & place[(t + 1) % chunks]):
                m.d.sync += result[t * chunk : (t + 1) * chunk].eq(total)

        begun = Cat(walk.idle, walk.at[: chunks - 1])

        def cut(row: Value) -> list[Value]:
            row = Cat(row, C(0, chunk * chunks - len(row)))
            return [row[t * chunk : (t + 1) * chunk] for t in range(chunks)]

        next_a, next_b = (
            select(m, walk.advance, cut(row[: n - 1]), begun, name=name)
            for name, row in (("part_a", a), ("part_b", b))
        )
        again = select(m, walk.advance, cut(result), place, ring=True, name="part")
        first = Signal(chunk, reset_less=True)
        second = Signal(chunk, reset_less=True)
        third = Signal(chunk, reset_less=True)
        carry = Signal(2)
        with m.If(walk.advance):
            m.d.sync += [
                first.eq(next_a | (again & ~next_folding.replicate(chunk))),
                second.eq(next_b),
                third.eq(self._addends(m, walk, number, next_folding)),
                carry.eq(Mux(end | walk.idle, 0, total[chunk:])),
            ]
        apply = Signal()
        with m.If(walk.advance & end):
            m.d.sync += apply.eq(self._applies(walk, total[chunk - 1]))
        addend = third & (folding | apply).replicate(chunk)
        m.d.comb += total.eq(add_chunks(first, second, addend, carry))
        walk.finish(r=Cat(result[: chunk * (chunks - 1)], total[:chunk])[:n])
        return m

    def _applies(self, walk: Iteration, negative: Value) -> Value:
        """Whether the pass that follows adds its multiple, by the sign that this one ends with."""
        p = self.p
        applies: Value = C(0)
        for number, each in enumerate(p.corrections, 1):
            before = walk.at[number * p.chunks - 1]
            applies = applies | (before & (negative == each.negative))
        return applies

    def _addends(self, m: Module, walk: Iteration, number: Value, folding: Value) -> Value:
        """Chunk of what the next cycle adds to the state."""
        p = self.p
        n, chunk, chunks = p.modulus_bits, p.chunk, p.chunks
        mask = (1 << chunk) - 1
        index = Signal(range(p.table.entries))
        m.d.comb += index.eq(self.i.payload.a[n - 1 :] + self.i.payload.b[n - 1 :])
        size = 1 << len(index)
        contents = [0] * (size * chunks)
        for t in range(chunks):
            for h, fold in enumerate(p.folds):
                contents[t * size + h] = fold >> t * chunk & mask
        folds = ResidueTable(ResidueTableParameters(tuple(contents), chunk))
        m.submodules.folds = folds
        m.d.comb += folds.address.eq(Cat(index, number))

        addend: Value = C(0, chunk)
        for each_number, each in enumerate(p.corrections, 1):
            words = tuple(each.multiple * p.modulus >> t * chunk & mask for t in range(chunks))
            rom = ResidueTable(ResidueTableParameters(words, chunk))
            m.submodules[f"multiple_{each_number}"] = rom
            m.d.comb += rom.address.eq(number)
            # The pass is the one that this cycle ends or is in.
            first = each_number * chunks
            cycles = walk.at[first - 1 : first + chunks - 1]
            addend = addend | (rom.data & cycles.any().replicate(chunk))
        return Mux(folding, folds.data, addend)
