"""The hybrid of ALLMod: the top of the operand by tables, its low end by division, at once."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Array, C, Cat, Module, Mux, Signal, Value

from ..arith.tree import reduce_tree
from .digit_table import DigitTable, check_odd
from .iteration import Iteration
from .reducer import Bound, Reducer, ReducerParameters, Store
from .residue_table import ResidueTable, ResidueTableParameters
from .restoring import restoring_step

__all__ = ["Fuse", "Hybrid", "HybridParameters"]


class Fuse(Enum):
    """When the table sum joins the remainder: before its first step, between, or at its end."""

    EARLY = "early"
    MID = "mid"
    LATE = "late"


@dataclass(frozen=True, kw_only=True)
class HybridParameters(ReducerParameters):
    """Parameters of :class:`Hybrid`.

    Parameters
    ----------
    group_bits
        k, bits that address a table, 1 to 16.
    split
        m, 0 to W - n: the low n + m bits are divided, the others looked up. None takes
        :attr:`best_split`; 0 is the serial table reducer, the published baseline.
    tree
        a, groups looked up and added per cycle, 1 to 64.
    restore_bits
        r, bits divided per cycle, 1 to 64.
    fuse
        When the two parts are added.
    store
        ``LOGIC`` or ``BLOCK_RAM``.

    Raises
    ------
    ValueError
        A parameter is out of its range.

    Notes
    -----
    The division holds V = R * 2^s + tail with R < M, and lowers the shift s by one per step. The
    sum A of the residues is at most M * 2^f, so from s = f on it may be added: V + A is less than
    2 M * 2^s, and the steps that remain (the first one without a shift) are the correction too.
    """

    group_bits: int = 2
    split: int | None = None
    tree: int = 1
    restore_bits: int = 1
    fuse: Fuse = Fuse.MID
    store: Store = Store.LOGIC

    architecture: ClassVar[str] = "hybrid"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_odd(self)
        for name, value, highest in (
            ("group_bits", self.group_bits, 16),
            ("tree", self.tree, 64),
            ("restore_bits", self.restore_bits, 64),
        ):
            if not 1 <= value <= highest:
                raise ValueError(f"{name} must be 1 to {highest}, not {value}")
        if self.split is not None and not 0 <= self.split <= self.width - self.modulus_bits:
            raise ValueError(
                f"split must be 0 to {self.width - self.modulus_bits}, not {self.split}"
            )
        if self.store is Store.WRITABLE:
            raise ValueError("store must be LOGIC or BLOCK_RAM, not WRITABLE")

    @cached_property
    def best_split(self) -> int:
        """The m for which both parts take as many cycles.

        From (W - n - m) / (k a) = (m - f + 1) / r with f near log2 of the number of groups::

            m = (r (W - n) + k a (f - 1)) / (k a + r)
        """
        above, taken = self.width - self.modulus_bits, self.group_bits * self.tree
        r = self.restore_bits
        split = above * r // (taken + r)
        for _ in range(4):
            groups = -(-(above - split) // self.group_bits)
            shift = max(1, (groups - 1).bit_length())
            split = min(above, (r * above + taken * (shift - 1)) // (taken + r))
        return split

    @property
    def divided_bits(self) -> int:
        """n + m, low bits of the operand that are divided."""
        return self.modulus_bits + (self.best_split if self.split is None else self.split)

    @property
    def groups(self) -> int:
        """G, groups that are looked up."""
        return -(-(self.width - self.divided_bits) // self.group_bits)

    @cached_property
    def tables(self) -> tuple[DigitTable, ...]:
        lows = range(self.divided_bits, self.width, self.group_bits)
        return tuple(
            DigitTable(self.modulus, low, 1 << min(self.group_bits, self.width - low))
            for low in lows
        )

    @cached_property
    def largest_sum(self) -> int:
        """Largest sum of one entry of each table."""
        return sum(table.largest for table in self.tables)

    @cached_property
    def correction_shift(self) -> int:
        """f, the smallest with ``sum <= M * 2^f``; in LATE with the remainder in the sum."""
        total = self.largest_sum + (self.modulus - 1 if self.fuse is Fuse.LATE else 0)
        return (max(1, -(-total // self.modulus)) - 1).bit_length()

    @cached_property
    def fuse_shift(self) -> int:
        """s at which the sum is added: f or more, so that whole cycles of steps remain.

        In LATE, the shift at which the sum with the remainder is divided again.
        """
        r, shift = self.restore_bits, self.correction_shift
        if self.fuse is Fuse.LATE:
            # One more than f: the part above it is less than M.
            return -(-(shift + 1) // r) * r
        if self.fuse is Fuse.EARLY:
            shift = max(shift, self.divided_bits - self.modulus_bits + 1)
        return -(-(shift + 1) // r) * r - 1

    @property
    def add_cycles(self) -> int:
        """Cycles in which groups are looked up."""
        return -(-self.groups // self.tree)

    @property
    def tail_bits(self) -> int:
        """Bits below those that the division starts with, n - 1 at most."""
        last = self.fuse is Fuse.LATE
        return self.early_cycles * self.restore_bits + (0 if last else self.fuse_shift - 1)

    @property
    def early_cycles(self) -> int:
        """Cycles of division before the sum is added; in EARLY and MID the last of them adds it."""
        bits = self.divided_bits - self.modulus_bits + 1
        if self.fuse is Fuse.LATE:
            return -(-bits // self.restore_bits)
        return -(-(max(0, bits - self.fuse_shift) + 1) // self.restore_bits)

    @property
    def late_cycles(self) -> int:
        """Cycles of division after the sum is added."""
        steps = self.fuse_shift + (self.fuse is not Fuse.LATE)
        return steps // self.restore_bits

    @property
    def fuse_cycle(self) -> int:
        """Number of the cycle that adds the sum; the one that takes the operand is -1."""
        if self.fuse is Fuse.LATE:
            return max(self.add_cycles, self.early_cycles)
        return max(self.add_cycles, self.early_cycles - 1)

    @property
    def scale_bits(self) -> int:
        """Places by which adding the sum shifts the remainder: none where it goes by the sum."""
        return 0 if self.fuse is Fuse.LATE else 2

    @property
    def bounds(self) -> tuple[Bound, ...]:
        modulus = self.modulus
        f, s = self.correction_shift, self.fuse_shift
        first = (1 << max(0, self.divided_bits - self.tail_bits)) - 1
        remainder = Bound("remainder", modulus - 1, "each step takes M off if it can", modulus - 1)
        lines = [
            Bound("first remainder", first, "bits above the tail", modulus - 1),
            Bound("sum of residues", self.largest_sum, "largest entry of each table", modulus << f),
        ]
        if self.fuse is Fuse.LATE:
            total = self.largest_sum + modulus - 1
            lines += [
                remainder,
                Bound("sum with remainder", total, "largest sum and remainder", modulus << f),
                Bound("part divided again", total >> s, f"shift {s} of the sum", modulus - 1),
            ]
        else:
            total = self.largest_sum + (modulus << s) - 1
            limit = (2 * modulus << s) - 1
            lines += [remainder, Bound("fused", total, f"less than M 2^{s}, and the sum", limit)]
        return (*lines, Bound("residue", modulus - 1, "the last step", modulus - 1))

    @property
    def latency(self) -> int:
        late = self.fuse is Fuse.LATE
        return self.fuse_cycle + self.late_cycles + (3 if late else 2)

    @property
    def interval(self) -> int:
        return self.latency

    def create(self) -> Reducer:
        return Hybrid(self)


class Hybrid(Reducer):
    """``r = x mod M``: residues of the high groups are summed while the low bits are divided.

    One accumulator adds ``tree`` residues per cycle, out of one table for each place of the tree
    that is addressed with the number of the cycle and the bits of the group; so there is no
    multiplexer over the tables but the one inside the memory. Next to it a restoring division
    takes ``restore_bits`` per cycle of the low n + m bits. Both registers are added as ``fuse``
    says, and the steps of the division that are left are the correction as well.

    EARLY and MID add in the division's last subtractor. That cycle and the next one shift the
    remainder without taking a bit in, so from then on 4 M is subtracted instead of M; that costs
    three bits of adder and saves a multiplexer over its first operand. LATE adds the finished
    remainder in the accumulator, and divides the sum again.

    Cycles: latency of the parameters for latency and interval, whatever the operand. Block RAM
    costs none: no address depends on a result.

    Source: ALLMod (Liu et al., DAC 2025, arXiv 2503.15916); the balance of both parts and the
    fuse shift are worked out in :class:`HybridParameters`.
    """

    p: HybridParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        late = p.fuse is Fuse.LATE
        walk = Iteration(m, self.i, self.o, p.latency - 1)
        fuse = walk.at[p.fuse_cycle]
        low = Cat(self.i.payload.x[: p.divided_bits], C(0, p.tail_bits))
        # Zero between operands: the first bits come through an adder; hence reset.
        remainder = Signal(p.modulus_bits + p.scale_bits)
        total = self._accumulate(m, walk, remainder)

        # Bits for the division: of the operand, and then of the sum.
        early = low[: p.tail_bits] if late else Cat(C(0, 1), low[p.fuse_shift : p.tail_bits])
        start = p.fuse_cycle - p.early_cycles + (not late)
        _, digit = walk.digits(self._cut(early), start)
        tail = total[: p.fuse_shift] if late else Cat(total[: p.fuse_shift], C(0, 1))
        begin = p.fuse_cycle + (2 if late else 1)
        scaled = Signal(p.restore_bits)  # bits of the sum, at the weight that they then have
        for t, bits in enumerate(self._cut(tail)):
            with m.If(walk.at[begin + t]):
                m.d.comb += scaled.eq(bits)

        running = Signal()
        fused = Signal()
        before = walk.at[start - 1] if start else walk.take
        with m.If(walk.advance):
            m.d.sync += [
                running.eq(before | (running & ~walk.last)),
                fused.eq(fuse | (fused & ~walk.last)),
            ]
        late_subtrahend: Value = C(-p.modulus << p.scale_bits)
        subtrahend = Mux(fused, late_subtrahend, C(-p.modulus))
        joined = total[p.fuse_shift :]
        if not late:
            # Both parts have a tail. The carry of their sum has the weight of the remainder's
            # unit, which this cycle moves up by one: half of it comes with each operand.
            carry = self._add_tails(m, walk, low[: p.fuse_shift], total)
            joined = Cat(carry, joined)
            digit = digit | (carry & fuse)
        window = low[min(p.tail_bits, p.divided_bits) : p.divided_bits]
        first = Cat(window, C(0, 1)).as_signed()
        reload = walk.at[p.fuse_cycle + 1] if late else fuse
        # Two bits select among four operands, so that with them a four-input table is enough.
        select = Signal(2)
        m.d.comb += select.eq(Cat(reload | fused, reload | walk.idle))
        addend = Mux(
            select[1],
            Mux(select[0], Cat(joined, C(0, 1)).as_signed(), first),
            Mux(select[0], late_subtrahend, C(-p.modulus)),
        )
        following: Value = remainder
        for step in range(p.restore_bits):
            last = step == p.restore_bits - 1
            bit = p.restore_bits - 1 - step
            shifted = Cat(digit[bit], following) | (scaled[bit] << p.scale_bits)
            term = addend if last else subtrahend
            following = restoring_step(m, shifted, term, f"difference_{step}")
            following = following[: len(remainder)]
        with m.If(walk.last | (fuse if late else 0)):
            m.d.sync += remainder.eq(0)
        with m.Elif(walk.advance & (walk.idle | running)):
            m.d.sync += remainder.eq(following)
        walk.finish(r=following[p.scale_bits :])
        return m

    def _cut(self, bits: Value) -> list[Value]:
        """Return r bits for each cycle, the most significant first."""
        r = self.p.restore_bits
        return [bits[low : low + r] for low in range(0, len(bits), r)][::-1]

    def _add_tails(self, m: Module, walk: Iteration, tail: Value, total: Signal) -> Value:
        """Add the operand's tail to the sum's, in the cycle that fuses, and return the carry."""
        p = self.p
        held = Signal(p.fuse_shift, reset_less=True)
        tails = Signal(p.fuse_shift + 1)
        m.d.comb += tails.eq(held + total[: p.fuse_shift])
        with m.If(walk.take):
            m.d.sync += held.eq(tail)
        with m.If(walk.at[p.fuse_cycle]):
            m.d.sync += total[: p.fuse_shift].eq(tails)
        return tails[-1]

    def _accumulate(self, m: Module, walk: Iteration, remainder: Signal) -> Signal:
        """Sum one entry of each table, and the remainder if they fuse late."""
        p = self.p
        late = p.fuse is Fuse.LATE
        largest = p.largest_sum + (p.modulus - 1 if late else 0)
        total = Signal(max(largest.bit_length(), p.fuse_shift + 1))
        enable, terms = self._look_up(m, walk) if p.groups else (C(0), [C(0)])
        if late:
            fuse = walk.at[p.fuse_cycle]
            enable = enable | fuse
            terms[0] = Mux(fuse, remainder, terms[0])
        with m.If(walk.last):
            m.d.sync += total.eq(0)
        with m.Elif(enable):
            m.d.sync += total.eq(reduce_tree(operator.add, terms) + total)
        return total

    def _look_up(self, m: Module, walk: Iteration) -> tuple[Value, list[Value]]:
        """Return one residue for each place of the tree, and when there are some.

        A register follows each table, so that adders need not wait for one. The address is that
        of the next cycle: the number of it, and the bits of the group, before their register.
        """
        p = self.p
        adding = Signal()
        count = Signal(range(p.add_cycles))
        step = Signal(range(p.add_cycles))
        with m.If(walk.advance):
            m.d.sync += adding.eq(walk.idle | (adding & ~walk.at[p.add_cycles - 1]))
        # At the end the number stays where it is: there group 0 means residue 0.
        m.d.comb += step.eq(count + (adding & (count != p.add_cycles - 1)))
        with m.If(walk.last):
            m.d.sync += count.eq(0)
        with m.Else():
            m.d.sync += count.eq(step)

        taken = p.group_bits * p.tree
        groups = Cat(self.i.payload.x[p.divided_bits :], C(0, taken * p.add_cycles))
        digits = [groups[low : low + taken] for low in range(0, taken * p.add_cycles, taken)]
        ahead, now = walk.digits(digits)
        terms: list[Value] = []
        for place in range(p.tree):
            group = ahead[place * p.group_bits : (place + 1) * p.group_bits]
            address = Cat(C(0, 0) if p.group_bits == 1 else group, step)
            terms.append(self._read(m, walk, place, address))
        if taken == 1:
            return adding & now, terms
        if p.group_bits == 1:
            terms = [term & bit.replicate(len(term)) for term, bit in zip(terms, now, strict=True)]
        return adding, terms

    def _read(self, m: Module, walk: Iteration, place: int, address: Value) -> Value:
        """Entry of the next cycle's address, after a register.

        In logic, the table is cut in parts with a register each: a slice makes a table of 2^7
        entries and one bit out of its own gates and multiplexers, and nothing larger.
        """
        p = self.p
        contents = self._contents(place)
        if p.store is Store.BLOCK_RAM:
            rom = ResidueTable(ResidueTableParameters(contents, p.residue_bits, p.store))
            m.submodules[f"table_{place}"] = rom
            m.d.comb += [rom.address.eq(address), rom.enable.eq(walk.advance)]
            return rom.data
        parts: list[Value] = []
        for number, start in enumerate(range(0, len(contents), 128)):
            part = ResidueTableParameters(contents[start : start + 128], p.residue_bits)
            m.submodules[f"table_{place}_{number}"] = rom = ResidueTable(part)
            residue = Signal(p.residue_bits, name=f"residue_{place}_{number}", reset_less=True)
            m.d.comb += rom.address.eq(address[:7])
            with m.If(walk.advance):
                m.d.sync += residue.eq(rom.data)
            parts.append(residue)
        if len(parts) == 1:
            return parts[0]
        part = Signal(range(len(parts)), name=f"part_{place}")
        with m.If(walk.advance):
            m.d.sync += part.eq(address[7:])
        return Array(parts)[part]

    def _contents(self, place: int) -> tuple[int, ...]:
        """Residues that one place of the tree adds, of one group after the other.

        A group of one bit has one entry, and the accumulator takes it or not; others have their
        entry 0 too. Places without a group in the last cycle have entries of 0 for it.
        """
        p = self.p
        contents: list[int] = []
        size = 1 if p.group_bits == 1 else 1 << p.group_bits
        for table in p.tables[place :: p.tree]:
            entries = table.values[1:] if size == 1 else table.values
            contents += [*entries, *(0 for _ in range(size - len(entries)))]
        contents += (0 for _ in range(size * p.add_cycles - len(contents)))
        return tuple(contents)
