"""OPT1: multiply and accumulate without adding up: the sum stays a carry-save pair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Module
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.digit_encoder import Encoding
from ..unit import Unit
from .carry_save import CarrySaveAccumulator
from .correction import Correction, CorrectionParameters
from .parameters import OperandParameters
from .partial_product import Row, encode, rows_of, split_digits

__all__ = ["Opt1", "Opt1Parameters"]


@dataclass(frozen=True, kw_only=True)
class Opt1Parameters:
    """Parameters of an OPT1 element.

    Parameters
    ----------
    operands
        ``a`` and ``b``.
    accumulator_width
        Bits of the sum, at least 1; arithmetic is modulo ``2^accumulator_width``.
    encoding
        Digits of ``a``.
    shared_encoder
        Digits come from an encoder outside, instead of ``a``.
    correction
        Exact sums, or less area and a correction for the row.
    split
        First column above the carry-save pair; ``accumulator_width`` for a pair in all columns;
        None for the lowest that works.
    compact
        Fewer registers for a little delay: see :class:`~.carry_save.CarrySaveAccumulator`.
    free_running
        Each cycle is a step, and there is no ``enable``: a bubble is a step with ``a = 0``, that
        the row correction counts as any other. Saves a multiplexer for each register.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    operands: OperandParameters
    accumulator_width: int
    encoding: Encoding = Encoding.BOOTH
    shared_encoder: bool = False
    correction: Correction = Correction.EXACT
    split: int | None = None
    compact: bool = True
    free_running: bool = False

    def __post_init__(self) -> None:
        self.accumulator.check()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        return rows_of(self.operands, self.encoding)

    @cached_property
    def accumulator(self) -> CarrySaveAccumulator:
        return CarrySaveAccumulator.of(
            self.accumulator_width, self.rows,
            exact=self.correction is Correction.EXACT, split=self.split, compact=self.compact,
        )

    @property
    def digits_layout(self) -> data.ArrayLayout:
        return data.ArrayLayout(self.encoding.layout, len(self.rows))

    @property
    def row_correction(self) -> CorrectionParameters | None:
        """Parameters of the row's correction, if there is to be one."""
        if self.correction is Correction.EXACT:
            return None
        return CorrectionParameters.of(self.accumulator_width, self.rows, self.free_running)


class Opt1(Unit):
    """``(sum, carry) <= (first ? 0 : sum + carry) + a * b``, as a carry-save pair.

    ``sum + carry`` is the sum of products modulo ``2^A``, less the correction of the row where
    there is one.

    Members
    -------
    a : In(a_shape), or digits : In(digits_layout)
    b : In(b_shape)
    first : In(1)
        This step starts a new sum.
    enable : In(1)
        Nothing changes while it is 0. There is no such port where ``free_running``.
    sum, carry : Out(A)
        Latency 1 cycle; a step each cycle. Bits of ``carry`` outside ``p.accumulator.carry_mask``
        are always 0.

    Notes
    -----
    Level OPT1 of the HPCA 2025 paper; the rows without sign extension, the correction shared by a
    row and the counter above the pair are the brief's (section 3.3).
    """

    p: Opt1Parameters

    def __init__(self, p: Opt1Parameters) -> None:
        digits, a = {"digits": In(p.digits_layout)}, {"a": In(p.operands.a_shape)}
        super().__init__(p, {
            **(digits if p.shared_encoder else a), "b": In(p.operands.b_shape), "first": In(1),
            **({} if p.free_running else {"enable": In(1)}),
            "sum": Out(p.accumulator_width), "carry": Out(p.accumulator_width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        if p.shared_encoder:
            digits = split_digits(self.digits)
        else:
            digits = encode(m, self.a, p.operands, p.encoding)
        words = [
            row.build(m, digit, self.b, f"partial_product_{index}")
            for index, (row, digit) in enumerate(zip(p.rows, digits, strict=True))
        ]
        if p.correction is Correction.EXACT:
            words += [d.negative for row, d in zip(p.rows, digits, strict=True) if row.negative]
        enable = None if p.free_running else self.enable
        total, carry = p.accumulator.build(m, words, self.first, enable)
        m.d.comb += [self.sum.eq(total), self.carry.eq(carry)]
        return m
