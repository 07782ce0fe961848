"""OPT2: a tile that adds up the partial products of each weight before it shifts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.compressors import CompressorTree, CompressorTreeParameters
from ..arith.digit_encoder import Encoding
from ..unit import Unit
from .carry_save import CarrySaveAccumulator
from .carry_save_step import CarrySaveStep
from .correction import Correction, CorrectionParameters
from .delay import delayed
from .parameters import OperandParameters
from .partial_product import Row, rows_of
from .same_weight import SameWeightReducer, SameWeightReducerParameters, pair_words

__all__ = ["Opt2", "Opt2Parameters"]


@dataclass(frozen=True, kw_only=True)
class Opt2Parameters:
    """Parameters of an OPT2 tile.

    Parameters
    ----------
    operands
        ``a``, whose digits come from an encoder outside, and ``b``.
    depth
        K, pairs of operands of a step, at least 2.
    accumulator_width, encoding, correction, split, compact, free_running
        As for :class:`~.opt1.Opt1Parameters`.
    group
        Operands that are added up in one cycle, 2 to K; if fewer than K, a stage more adds up the
        groups. None for K.
    stallable
        All registers stand still while a port ``advance`` is 0.
    accumulate
        Add each step to the sum; otherwise each step is a sum of its own.
    addend_width
        Bits of a number from 0 that is added with each step beside the products.
    constant
        Added with each step too.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    operands: OperandParameters
    depth: int
    accumulator_width: int
    encoding: Encoding = Encoding.BOOTH
    group: int | None = None
    correction: Correction = Correction.EXACT
    split: int | None = None
    compact: bool = True
    free_running: bool = False
    stallable: bool = False
    accumulate: bool = True
    addend_width: int = 0
    constant: int = 0

    def __post_init__(self) -> None:
        if self.depth < 2:
            raise ValueError(f"depth must be at least 2, not {self.depth!r}")
        if self.group is not None and not 2 <= self.group <= self.depth:
            raise ValueError(f"group must be in 2..{self.depth}, not {self.group!r}")
        self.accumulator.check()

    @property
    def exact(self) -> bool:
        return self.correction is Correction.EXACT

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Shape of the partial products of each weight."""
        return rows_of(self.operands, self.encoding)

    @cached_property
    def groups(self) -> tuple[range, ...]:
        """Operands of each group, all of one size or one less."""
        size = self.depth if self.group is None else self.group
        count = -(-self.depth // size)
        bounds = [self.depth * index // count for index in range(count + 1)]
        return tuple(range(*pair) for pair in pairwise(bounds))

    def reducers(self, row: Row) -> list[SameWeightReducerParameters]:
        """Parameters of the reducer of each group."""
        bare = replace(row, shift=0)
        return [
            SameWeightReducerParameters(
                bare, len(group), self.encoding, self.exact, self.stallable
            )
            for group in self.groups
        ]

    def joiner(self, row: Row) -> CompressorTreeParameters | None:
        """The tree that adds up the groups of a weight, if there are several."""
        if len(self.groups) == 1:
            return None
        words = [word for p in self.reducers(row) for word in pair_words(p.tree)]
        whole = SameWeightReducerParameters(
            replace(row, shift=0), self.depth, self.encoding, self.exact
        )
        return CompressorTreeParameters(
            rows=tuple(words), width=whole.width, strategy="arrival"
        )

    def weight_words(self, row: Row) -> list[tuple[int, int]]:
        """Shift and width of the words that leave the reduction of a weight."""
        tree = self.joiner(row) or self.reducers(row)[0].tree
        return [(row.shift + shift, width) for shift, width in pair_words(tree)]

    @cached_property
    def accumulator(self) -> CarrySaveAccumulator | CarrySaveStep:
        words = [word for row in self.rows for word in self.weight_words(row)]
        if self.addend_width:
            words.append((0, self.addend_width))
        bias = self.depth * sum(row.bias for row in self.rows) if self.exact else 0
        constant = self.constant - bias
        width, times = self.accumulator_width, (0,) * len(words)
        if not self.accumulate:
            return CarrySaveStep(tuple(words), times, (), width, constant % (1 << width))
        return CarrySaveAccumulator(
            width, tuple(words), times, constant, self.split, self.compact
        )

    @property
    def latency(self) -> int:
        """Cycles from operands to the sum that has them."""
        return 2 if len(self.groups) == 1 else 3

    @property
    def digits_layout(self) -> data.ArrayLayout:
        """Digits of K operands, each least significant first."""
        one = data.ArrayLayout(self.encoding.layout, len(self.rows))
        return data.ArrayLayout(one, self.depth)

    @property
    def row_correction(self) -> CorrectionParameters | None:
        """Parameters of the row's correction, if there is to be one: K operands' digits, in order.

        It is to have the steps ``latency - 1`` cycles later than the tile.
        """
        if self.exact:
            return None
        rows = self.rows * self.depth
        return CorrectionParameters.of(self.accumulator_width, rows, self.free_running)


class Opt2(Unit):
    """``(sum, carry) <= (first ? 0 : sum + carry) + Σ_k a_k b_k``, as a carry-save pair.

    In stages: partial products of a weight are reduced to a pair, for each weight; the pairs are
    shifted and added to the sum.

    Members
    -------
    digits : In(p.digits_layout)
    b : In(ArrayLayout(b_shape, K))
    addend : In(p.addend_width)
        ``p.latency - 1`` cycles after the operands of its step; only if it has any bits.
    first : In(1)
        This step starts a new sum; only if sums ``accumulate``.
    enable : In(1)
        Take the step. One that is not enabled leaves the sum alone; steps under way are finished
        regardless. There is no such port where ``free_running``, or each step is a sum.
    advance : In(1)
        Nothing changes while it is 0, steps under way included; only if ``stallable``.
    sum, carry : Out(A)
        Latency ``p.latency`` cycles; a step each cycle. Less the row's correction, if there is one.

    Notes
    -----
    HPCA 2025, level OPT2. Words of a weight are wide enough for all operands at once, which the
    published tile is not for ``-2^(W-1) * -2^(W-1)``.
    """

    p: Opt2Parameters

    def __init__(self, p: Opt2Parameters) -> None:
        super().__init__(p, {
            "digits": In(p.digits_layout),
            "b": In(data.ArrayLayout(p.operands.b_shape, p.depth)),
            **({"addend": In(p.addend_width)} if p.addend_width else {}),
            **({"first": In(1)} if p.accumulate else {}),
            **({"enable": In(1)} if p.accumulate and not p.free_running else {}),
            **({"advance": In(1)} if p.stallable else {}),
            "sum": Out(p.accumulator_width), "carry": Out(p.accumulator_width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        advance = self.advance if p.stallable else None
        words: list[Value] = []
        for weight, row in enumerate(p.rows):
            pairs = self._reduced(m, weight, row)
            joiner = p.joiner(row)
            if joiner is not None:
                pairs = self._joined(m, weight, joiner, pairs)
            words += pairs
        if p.addend_width:
            words.append(self.addend)
        total, carry = self._total(m, words, advance)
        m.d.comb += [self.sum.eq(total), self.carry.eq(carry)]
        return m

    def _total(
        self, m: Module, words: list[Value], advance: Value | None
    ) -> tuple[Value, Value]:
        """The pair that the words of a step, and the steps before, add up to."""
        p = self.p
        accumulator = p.accumulator
        if isinstance(accumulator, CarrySaveStep):
            return accumulator.pair(accumulator.registered(m, words, "total", advance))
        first = delayed(m, self.first, "first", p.latency - 1, enable=advance)
        enable = advance
        if not p.free_running:
            enable = delayed(
                m, self.enable, "enable", p.latency - 1, reset=True, enable=advance
            )
            enable = enable if advance is None else enable & advance
        return accumulator.build(m, words, first, enable)

    def _reduced(self, m: Module, weight: int, row: Row) -> list[Value]:
        """Words of the groups of a weight, two of each."""
        words: list[Value] = []
        for index, (group, p) in enumerate(
            zip(self.p.groups, self.p.reducers(row), strict=True)
        ):
            m.submodules[f"reducer_{weight}_{index}"] = reducer = SameWeightReducer(p)
            if p.stallable:
                m.d.comb += reducer.advance.eq(self.advance)
            for lane, operand in enumerate(group):
                m.d.comb += [
                    reducer.digits[lane].eq(self.digits[operand][weight]),
                    reducer.b[lane].eq(self.b[operand]),
                ]
            words += _trimmed(p.tree, reducer.sum, reducer.carry)
        return words

    def _joined(
        self, m: Module, weight: int, p: CompressorTreeParameters, words: list[Value]
    ) -> list[Value]:
        """The two words that those of the groups add up to, a cycle later."""
        m.submodules[f"joiner_{weight}"] = tree = CompressorTree(p)
        m.d.comb += [getattr(tree, f"row_{k}").eq(word) for k, word in enumerate(words)]
        pair = []
        for name, word in (("sum", tree.sum), ("carry", tree.carry)):
            register = Signal(p.width, name=f"{name}_{weight}", reset_less=True)
            with m.If(self.advance if self.p.stallable else 1):
                m.d.sync += register.eq(word)
            pair.append(register)
        return _trimmed(p, *pair)


def _trimmed(tree: CompressorTreeParameters, *pair: Value) -> list[Value]:
    """The parts of a pair that are not always 0."""
    words = zip(pair, pair_words(tree), strict=True)
    return [word[shift : shift + width] for word, (shift, width) in words]
