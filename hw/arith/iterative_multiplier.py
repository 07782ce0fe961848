"""Multiplier of two large unsigned integers, some bits of one of them per cycle."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from ..unit import Unit
from .compressors import LARGEST, CompressorTree, CompressorTreeParameters
from .counter_network import STRATEGIES
from .multiplier import multiplier_streams
from .tree import reduce_tree

__all__ = ["IterativeMultiplier", "IterativeMultiplierParameters"]


@dataclass(frozen=True, kw_only=True)
class IterativeMultiplierParameters:
    """Parameters of a digit-serial multiplier.

    Parameters
    ----------
    a_bits, b_bits
        Widths of the operands, at least 1.
    digit_bits
        D: bits of b that a cycle multiplies, 1 … 64; a compressor tree of D + 2 rows of a must
        be within :data:`~.compressors.LARGEST`.
    style
        ``chain``: rows ``a * bit`` are added to the accumulator by binary adders; ``compressor``:
        by a compressor tree and one adder; ``carry_save``: by a compressor tree alone, for a clock
        period that does not grow with a_bits. Carries are then settled D bits a cycle.
    strategy
        How the compressor tree is planned, a key of :data:`~.counter_network.STRATEGIES`.
    tag_bits
        Bits that travel with the operands unchanged.
    addend_bits
        Bits of a third operand, at most a_bits, that is added to the product; 0 for none.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    a_bits: int
    b_bits: int
    digit_bits: int = 8
    style: str = "chain"
    strategy: str = "dadda"
    tag_bits: int = 0
    addend_bits: int = 0

    def __post_init__(self) -> None:
        for name, least in (("a_bits", 1), ("b_bits", 1), ("tag_bits", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 1 <= self.digit_bits <= 64:
            raise ValueError(f"digit_bits must be 1 to 64, not {self.digit_bits}")
        if not 0 <= self.addend_bits <= self.a_bits:
            raise ValueError(f"addend_bits must be 0 to {self.a_bits}, not {self.addend_bits}")
        if self.style not in ("chain", "compressor", "carry_save"):
            raise ValueError(f"style must be chain, compressor or carry_save, not {self.style!r}")
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy must be {' or '.join(STRATEGIES)}, not {self.strategy!r}")
        most = LARGEST // self.a_bits - 2
        if self.style != "chain" and self.digit_bits > most:
            raise ValueError(
                f"digit_bits must be at most {most} for a compressor tree of {self.a_bits} bits, "
                f"not {self.digit_bits}"
            )

    @property
    def digits(self) -> int:
        """Digits of b."""
        return -(-self.b_bits // self.digit_bits)

    @property
    def settled_digits(self) -> int:
        """Digits of the product that lie above those that leave while b is read."""
        return -(-self.a_bits // self.digit_bits) if self.style == "carry_save" else 0

    @property
    def steps(self) -> int:
        """Cycles of work: one for each digit, and in carry-save form for each that is settled.

        The digit that a step settles in carry-save form is of the sum before it: one step more.
        """
        return self.digits + self.settled_digits + (self.style == "carry_save")

    @property
    def latency(self) -> int:
        """Cycles from the one that takes operands to the first that shows their product."""
        return self.steps + 1

    @property
    def interval(self) -> int:
        """Cycles from one pair of operands to the next, where nothing stalls."""
        return self.steps + 1


class IterativeMultiplier(Unit):
    """``product = a * b [+ addend]``, digit by digit of b from the lowest.

    A step adds ``a * digit`` to the accumulator, whose lowest D bits are then bits of the product:
    they go into the register that b leaves, and the accumulator moves down by D. It stays below
    ``2^a_bits`` after the move: ``2^a_bits - 1 + (2^a_bits - 1) (2^D - 1) < 2^(a_bits + D)``. The
    rows are not negative, so that no carry leaves the top of this many bits in carry-save form.
    An addend is what the accumulator starts with, in place of 0.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``, unsigned, and ``addend`` and ``tag`` if there are any; ready while there
        is no work, and in the cycle in which a product leaves.
    o : Out(stream)
        ``product``, a_bits + b_bits, and the ``tag`` of its operands.

    Cycles: ``p.latency`` and ``p.interval``. They depend on no data.
    """

    p: IterativeMultiplierParameters

    def __init__(self, p: IterativeMultiplierParameters) -> None:
        super().__init__(p, multiplier_streams(p.a_bits, p.b_bits, p.tag_bits, p.addend_bits))

    def body(self) -> Module:
        p = self.p
        m = Module()
        running = Signal()
        done = Signal()
        accept = Signal()
        remaining = Signal(range(p.steps), reset_less=True)
        m.d.comb += [
            self.o.valid.eq(done),
            self.i.ready.eq(~running & (~done | self.o.ready)),
            accept.eq(self.i.valid & self.i.ready),
        ]
        with m.If(self.o.ready):
            m.d.sync += done.eq(0)
        with m.If(running):
            m.d.sync += remaining.eq(remaining - 1)
            with m.If(remaining == 0):
                m.d.sync += [running.eq(0), done.eq(1)]
        a = Signal(p.a_bits, reset_less=True)
        with m.If(accept):
            m.d.sync += [running.eq(1), remaining.eq(p.steps - 1), a.eq(self.i.payload.a)]
        if p.tag_bits:
            tag = Signal(p.tag_bits, reset_less=True)
            m.d.comb += self.o.payload.tag.eq(tag)
            with m.If(accept):
                m.d.sync += tag.eq(self.i.payload.tag)
        # Digits of b leave at the bottom while digits of the product come in at the top.
        low = Signal((p.digits + p.settled_digits) * p.digit_bits, name="low", reset_less=True)
        rows = [Mux(low[index], a, 0) for index in range(p.digit_bits)]
        work = self._carry_save if p.style == "carry_save" else self._accumulate
        settled, upper = work(m, accept, running, rows)
        with m.If(accept):
            m.d.sync += low.eq(self.i.payload.b)
        with m.Elif(running):
            m.d.sync += low.eq(Cat(low[p.digit_bits :], settled))
        m.d.comb += self.o.payload.product.eq(Cat(low, upper))
        return m

    @property
    def _addend(self) -> Value:
        return self.i.payload.addend if self.p.addend_bits else Const(0, self.p.a_bits)

    def _accumulate(
        self, m: Module, clear: Value, step: Value, rows: list[Value]
    ) -> tuple[Value, Value]:
        """Add the rows to an accumulator; the digit that it sets free, and what it holds."""
        p = self.p
        accumulator = Signal(p.a_bits, reset_less=True)
        total = Signal(p.a_bits + p.digit_bits)
        if p.style == "compressor":
            tree = self._tree(m, [(0, accumulator), *enumerate(rows)])
            m.d.comb += total.eq(tree.sum + tree.carry)
        else:
            m.d.comb += total.eq(self._adders(m, [(0, accumulator), *enumerate(rows)]))
        with m.If(clear):
            m.d.sync += accumulator.eq(self._addend)
        with m.Elif(step):
            m.d.sync += accumulator.eq(total[p.digit_bits :])
        return total[: p.digit_bits], accumulator

    def _carry_save(
        self, m: Module, clear: Value, step: Value, rows: list[Value]
    ) -> tuple[Value, Value]:
        """Add the rows to two words and a carry; the digit that these settle, and nothing above."""
        p = self.p
        width = p.a_bits + p.digit_bits
        total = Signal(width, reset_less=True)
        carry = Signal(width, reset_less=True)
        pending = Signal(reset_less=True)
        digit = Signal(p.digit_bits + 1)
        m.d.comb += digit.eq(total[: p.digit_bits] + carry[: p.digit_bits] + pending)
        moved = [(0, total[p.digit_bits :]), (0, carry[p.digit_bits :])]
        tree = self._tree(m, [*moved, *enumerate(rows)])
        with m.If(clear):
            # The digit that the first step settles lies below the product.
            start = Cat(Const(0, p.digit_bits), self._addend)
            m.d.sync += [total.eq(start), carry.eq(0), pending.eq(0)]
        with m.Elif(step):
            m.d.sync += [total.eq(tree.sum), carry.eq(tree.carry), pending.eq(digit[-1])]
        return digit[: p.digit_bits], Const(0, 0)

    def _tree(self, m: Module, rows: list[tuple[int, Value]]) -> CompressorTree:
        p = CompressorTreeParameters(
            rows=tuple((shift, len(row)) for shift, row in rows),
            width=self.p.a_bits + self.p.digit_bits,
            strategy=self.p.strategy,
        )
        m.submodules.compressor_tree = tree = CompressorTree(p)
        m.d.comb += [getattr(tree, f"row_{k}").eq(row) for k, (_, row) in enumerate(rows)]
        return tree

    def _adders(self, m: Module, rows: list[tuple[int, Value]]) -> Value:
        """The sum of rows by a balanced tree of adders, each of a name of its own."""
        names = count()

        def add(low: tuple[int, Value], high: tuple[int, Value]) -> tuple[int, Value]:
            shift = high[0] - low[0]
            longest = max(len(low[1]), len(high[1]) + shift)
            total = Signal(longest + 1 - shift, name=f"partial_{next(names)}")
            m.d.comb += total.eq(low[1][shift:] + high[1])
            return low[0], Cat(low[1][:shift], total)

        return reduce_tree(add, rows)[1]
