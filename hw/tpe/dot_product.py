"""Sum of several products in each step, with one interface for all levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import add
from typing import TypeVar

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding
from ..arith.tree import reduce_tree
from ..unit import Unit
from .array_parameters import Level, check_counts
from .carry_save import BIT_TIME, ROW_TIME, CarrySaveAccumulator
from .carry_save_step import CarrySaveStep
from .correction import Correction
from .delay import delayed
from .mac import BoothMultiplier
from .negative_sum import NegativeSumParameters
from .opt2 import Opt2, Opt2Parameters
from .parameters import OperandParameters, check_accumulator_width
from .partial_product import Digit, Row, encode, rows_of, split_digits

__all__ = ["LEVELS", "DotProduct", "DotProductParameters"]

T = TypeVar("T")

LEVELS = (
    Level.BEHAVIOURAL, Level.MAC, Level.OPT1, Level.OPT1_ROW, Level.OPT1_SHARED, Level.OPT2,
)  # fmt: skip
"""Levels of a sum of products."""


@dataclass(frozen=True, kw_only=True)
class DotProductParameters:
    """Parameters of a sum of products.

    Parameters
    ----------
    operands
        ``a`` and ``b``.
    depth
        K, pairs of operands of a step, at least 1, and 2 at level OPT2.
    accumulator_width
        A, bits of the sum, at least 1; arithmetic is modulo ``2^A``.
    level
        A MAC level, an OPT1 level, or OPT2.
    encoding
        Digits of ``a``.
    group
        Products that are added up in a cycle, at least 2; twice as many pairs where there are any.
        None for 2 at an OPT1 level, and 4 at others: about as long as a product takes.
    accumulate
        Add each step to the sum; otherwise each step is a sum of its own.
    back_pressure
        Whether there is a port ``advance``.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    operands: OperandParameters
    depth: int
    accumulator_width: int
    level: Level
    encoding: Encoding = Encoding.BOOTH
    group: int | None = None
    accumulate: bool = True
    back_pressure: bool = True

    def __post_init__(self) -> None:
        check_accumulator_width(self.accumulator_width)
        if self.level not in LEVELS:
            allowed = ", ".join(level.value for level in LEVELS)
            raise ValueError(
                f"level must be one of {allowed}, not {getattr(self.level, 'value', self.level)}"
            )
        check_counts(self, "depth")
        if self.group is not None and self.group < 2:
            raise ValueError(f"group must be at least 2, not {self.group!r}")
        if self.level is Level.OPT2 and self.depth < 2:
            raise ValueError(f"depth must be at least 2 for level opt2, not {self.depth!r}")

    @property
    def carry_save(self) -> bool:
        return self.level not in (Level.BEHAVIOURAL, Level.MAC)

    @property
    def shared_encoder(self) -> bool:
        """Whether digits come in place of ``a``."""
        return self.level in (Level.OPT1_SHARED, Level.OPT2)

    @property
    def products(self) -> int:
        """Products, or at MAC levels their sums, that are added up in a cycle."""
        if self.group is not None:
            return self.group
        return 4 if self.level is Level.OPT2 or not self.carry_save else 2

    @property
    def pairs(self) -> int:
        """Pairs that are added up in a cycle."""
        return 2 * self.products

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Partial products of an operand."""
        return rows_of(self.operands, self.encoding)

    @property
    def operand_shape(self) -> Shape | data.ArrayLayout:
        """``a``, or its digits."""
        if self.shared_encoder:
            return data.ArrayLayout(self.encoding.layout, len(self.rows))
        return self.operands.a_shape

    @property
    def width(self) -> int:
        """Bits of the sum: A, or fewer if those of an exact sum of a step do."""
        exact = self.operands.accumulator_width(self.depth)
        return self.accumulator_width if self.accumulate else min(exact, self.accumulator_width)

    @property
    def negatives(self) -> NegativeSumParameters | None:
        """The number that comes with each step for its negative digits, if they need one."""
        apart = self.level in (Level.OPT1_ROW, Level.OPT1_SHARED, Level.OPT2)
        if not apart or not any(row.negative for row in self.rows):
            return None
        return NegativeSumParameters(self.rows, self.depth, self.width)

    @property
    def raised(self) -> bool:
        """Whether ``2^(width-1)`` is added, and taken off by inverting the top bit.

        Then an exact sum is positive, without carries out of the top column.
        """
        return self.carry_save and not self.accumulate

    @property
    def constant(self) -> int:
        """What each step adds beside rows and negative digits, to take off the rows' bias."""
        bias = self.depth * sum(row.bias for row in self.rows)
        return ((1 << self.width - 1) if self.raised else 0) - bias

    @cached_property
    def opt2(self) -> Opt2Parameters:
        """Parameters of the tile of level OPT2."""
        return Opt2Parameters(
            operands=self.operands, depth=self.depth, accumulator_width=self.width,
            encoding=self.encoding, group=min(self.products, self.depth),
            correction=Correction.ROW, free_running=not self.back_pressure,
            stallable=self.back_pressure, accumulate=self.accumulate,
            addend_width=self.negatives.width if self.negatives else 0, constant=self.constant,
        )  # fmt: skip

    @cached_property
    def ranks(self) -> tuple[tuple[CarrySaveStep, ...], ...]:
        """Pairs in the registers of each rank of an OPT1 level, before the last one.

        The first has a pair for each group of operands, those after it one for each group of
        pairs. Bits are as many as the largest sum of products and biases needs, so that no pair
        loses a carry.
        """
        bits = [(row.shift, 1) for row in self.rows if row.negative]
        exact = bits if self.level is Level.OPT1 else []
        words = [(row.shift, row.width) for row in self.rows]
        each = self.operands.product_range[1] + sum(row.bias for row in self.rows)
        counts = [len(group) for group in _groups([1] * self.depth, self.products)]
        ranks = [tuple(
            CarrySaveStep(
                tuple(words * size + exact * size),
                (ROW_TIME,) * (size * len(words)) + (BIT_TIME,) * (size * len(exact)),
                (), min((size * each).bit_length(), self.width),
            )
            for size in counts
        )]  # fmt: skip
        while len(counts) > self.pairs:
            counts = [sum(group) for group in _groups(counts, self.pairs)]
            rank = []
            for pairs, count in zip(_groups(ranks[-1], self.pairs), counts, strict=True):
                parts = tuple(part for pair in pairs for part in pair.parts)
                columns = min((count * each).bit_length(), self.width)
                rank.append(CarrySaveStep(parts, (0,) * len(parts), (), columns))
            ranks.append(tuple(rank))
        return tuple(ranks)

    @cached_property
    def accumulator(self) -> CarrySaveAccumulator | CarrySaveStep:
        """The last rank of a level with pairs."""
        if self.level is Level.OPT2:
            return self.opt2.accumulator
        words = [part for pair in self.ranks[-1] for part in pair.parts]
        if self.negatives is not None:
            words.append((0, self.negatives.width))
        times = (0,) * len(words)
        if self.accumulate:
            return CarrySaveAccumulator(self.width, tuple(words), times, self.constant)
        constant = self.constant % (1 << self.width)
        return CarrySaveStep(tuple(words), times, (), self.width, constant)

    @property
    def carry_mask(self) -> int:
        """Bits of the carry word that are ever 1; 0 if there is none."""
        return self.accumulator.carry_mask if self.carry_save else 0

    @property
    def latency(self) -> int:
        """Cycles from operands to the sum that has them.

        Numbers: one for the products, one for each level of sums, one to accumulate. Pairs: one
        for each rank, and the last one.
        """
        if self.level is Level.OPT2:
            return self.opt2.latency
        if self.carry_save:
            return len(self.ranks) + 1
        count, levels = self.depth, 1
        while count > 1:
            count, levels = -(-count // self.products), levels + 1
        return levels + self.accumulate


def _groups(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The fewest groups of at most ``size`` neighbours, all of one size or one less."""
    count = -(-len(items) // size)
    bounds = [len(items) * index // count for index in range(count + 1)]
    return [items[low:high] for low, high in pairwise(bounds)]


class DotProduct(Unit):
    """``sum <= (first ? 0 : sum) + Σ_k a_k b_k``, modulo ``2^width``.

    Members
    -------
    a : In(ArrayLayout(p.operand_shape, K))
    b : In(ArrayLayout(b_shape, K))
    addend : In(p.negatives.width)
        :class:`~.negative_sum.NegativeSum` of the digits of ``a``, ``p.latency - 1`` cycles later;
        only if ``p.negatives``.
    first, enable : In(1)
        This step starts a new sum; there is a step. Only if sums ``accumulate``; ``enable`` only
        with back-pressure, for else a bubble is a step with ``a = 0``.
    advance : In(1)
        Nothing changes while it is 0; only with back-pressure.
    sum, carry : Out(p.width)
        Latency ``p.latency`` cycles, a step each cycle. The sum is ``sum + carry``; ``carry`` only
        where there are pairs.

    Notes
    -----
    Adder tree of MACs; OPT1 and OPT2 of HPCA 2025. Negative digits of the shared levels are one
    number for all sums that share ``a``: it is a word more of each step, where a correction of its
    own would be a word more of each last addition, as wide as the accumulator, and an accumulator.
    """

    p: DotProductParameters

    def __init__(self, p: DotProductParameters) -> None:
        addend = {"addend": In(p.negatives.width)} if p.negatives else {}
        super().__init__(p, {
            "a": In(data.ArrayLayout(p.operand_shape, p.depth)),
            "b": In(data.ArrayLayout(p.operands.b_shape, p.depth)),
            **addend,
            **({"first": In(1)} if p.accumulate else {}),
            **({"enable": In(1)} if p.accumulate and p.back_pressure else {}),
            **({"advance": In(1)} if p.back_pressure else {}),
            "sum": Out(p.width), **({"carry": Out(p.width)} if p.carry_save else {}),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        advance = self.advance if p.back_pressure else None
        if not p.carry_save:
            m.d.comb += self.sum.eq(self._numbers(m, advance))
            return m
        low, high = self._tile(m) if p.level is Level.OPT2 else self._pairs(m, advance)
        if p.raised:
            low = Cat(low[:-1], ~low[-1])
        m.d.comb += [self.sum.eq(low), self.carry.eq(high)]
        return m

    def _controls(self, m: Module, advance: Value | None) -> tuple[Value, Value | None]:
        """``first`` and the enable of the last rank."""
        late = self.p.latency - 1
        first = delayed(m, self.first, "first", late, enable=advance)
        if advance is None:
            return first, None
        enable = delayed(m, self.enable, "enable", late, reset=True, enable=advance)
        return first, enable & advance

    def _numbers(self, m: Module, advance: Value | None) -> Value:
        """Products, and their sums in groups, a rank of registers after each."""
        p = self.p
        values: list[Value] = [
            self._product(m, k, self.a[k], self.b[k]) for k in range(p.depth)
        ]
        counts = [1] * p.depth
        rank = 0
        while True:
            kept: list[Value] = []
            for index, (value, count) in enumerate(zip(values, counts, strict=True)):
                width = min(p.operands.accumulator_width(count), p.width)
                shape = Shape(width, True)
                register = Signal(shape, name=f"sum_{rank}_{index}", reset_less=True)
                with m.If(1 if advance is None else advance):
                    m.d.sync += register.eq(value)
                kept.append(register)
            if len(kept) == 1:
                break
            values = [reduce_tree(add, group) for group in _groups(kept, p.products)]
            counts = [sum(group) for group in _groups(counts, p.products)]
            rank += 1
        if not p.accumulate:
            return kept[0]
        first, enable = self._controls(m, advance)
        total = Signal(p.width, name="total", reset_less=True)
        with m.If(1 if enable is None else enable):
            m.d.sync += total.eq(Mux(first, 0, total) + kept[0])
        return total

    def _product(self, m: Module, k: int, a: Value, b: Value) -> Value:
        if self.p.level is Level.BEHAVIOURAL:
            return a * b
        m.submodules[f"multiplier_{k}"] = multiplier = BoothMultiplier(self.p.operands)
        m.d.comb += [multiplier.a.eq(a), multiplier.b.eq(b)]
        return multiplier.product

    def _digits(self, m: Module, k: int) -> list[Digit]:
        p = self.p
        if p.shared_encoder:
            return split_digits(self.a[k])
        if p.encoding is Encoding.BOOTH:
            return encode(m, self.a[k], p.operands, p.encoding)
        encoder = DigitEncoder(
            DigitEncoderParameters(p.encoding, p.operands.a_width, p.operands.a_signed)
        )
        m.submodules[f"encoder_{k}"] = encoder
        m.d.comb += encoder.operand.eq(self.a[k])
        return split_digits(encoder.digits)

    def _pairs(self, m: Module, advance: Value | None) -> tuple[Value, Value]:
        """Rows of partial products, and pairs, a rank of registers after each."""
        p = self.p
        rows: list[list[Value]] = []
        bits: list[list[Value]] = []
        for k in range(p.depth):
            digits = self._digits(m, k)
            rows.append([
                row.build(m, digit, self.b[k], f"partial_product_{k}_{index}")
                for index, (row, digit) in enumerate(zip(p.rows, digits, strict=True))
            ])  # fmt: skip
            apart = p.level is not Level.OPT1
            bits.append([
                digit.negative for row, digit in zip(p.rows, digits, strict=True)
                if row.negative and not apart
            ])  # fmt: skip
        inputs = [
            [word for words in (*group, *ones) for word in words]
            for group, ones in zip(
                _groups(rows, p.products), _groups(bits, p.products), strict=True
            )
        ]
        for rank, steps in enumerate(p.ranks):
            pairs = []
            for index, (step, words) in enumerate(zip(steps, inputs, strict=True)):
                register = step.registered(m, words, f"pair_{rank}_{index}", advance)
                pairs.append(step.split(register))
            inputs = [
                [word for pair in group for word in pair] for group in _groups(pairs, p.pairs)
            ]
        words = inputs[0]
        if p.negatives is not None:
            words.append(self.addend)
        accumulator = p.accumulator
        if isinstance(accumulator, CarrySaveStep):
            return accumulator.pair(accumulator.registered(m, words, "total", advance))
        first, enable = self._controls(m, advance)
        return accumulator.build(m, words, first, enable)

    def _tile(self, m: Module) -> tuple[Value, Value]:
        """The tile of level OPT2."""
        m.submodules.tile = tile = Opt2(self.p.opt2)
        m.d.comb += [tile.b.eq(self.b), Value.cast(tile.digits).eq(self.a.as_value())]
        for name in ("addend", "first", "enable", "advance"):
            if name in tile.signature.members:
                m.d.comb += getattr(tile, name).eq(getattr(self, name))
        return tile.sum, tile.carry
