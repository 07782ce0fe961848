"""Arrays of sums of products: parameters, and the sums that share a row of operands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Cat, Module, Value

from .array_parameters import Level
from .delay import delayed
from .dot_product import LEVELS, DotProduct, DotProductParameters
from .negative_sum import NegativeSum
from .operand_edge import edge_operand, row_negatives
from .streaming import StreamingParameters

__all__ = ["ProductArrayParameters", "add_products", "edge_register"]


@dataclass(frozen=True, kw_only=True)
class ProductArrayParameters(StreamingParameters):
    """Parameters of arrays of :class:`~.dot_product.DotProduct`.

    Parameters
    ----------
    group
        Products that are added up in a cycle: see :class:`~.dot_product.DotProductParameters`.
    accumulate
        Sums of several steps; otherwise each step is a sum of its own, of as many bits as that
        needs.

    The others are those of :class:`~.streaming.StreamingParameters`.
    """

    LEVELS: ClassVar[tuple[Level, ...]] = LEVELS

    level: Level = Level.OPT2
    group: int | None = None
    accumulate: bool = True

    @cached_property
    def product(self) -> DotProductParameters:
        """Parameters of a sum of products."""
        return DotProductParameters(
            operands=self.operands, depth=self.depth, accumulator_width=self.accumulator_width,
            level=self.level, encoding=self.encoding, group=self.group,
            accumulate=self.accumulate, back_pressure=self.back_pressure,
        )  # fmt: skip

    @property
    def width(self) -> int:
        """E, bits of the sums: A, or fewer if those of an exact sum of one step do."""
        return self.product.width

    @property
    def carry_mask(self) -> int:
        return self.product.carry_mask

    @property
    def latency(self) -> int:
        """Cycles from a step to its results, if nothing stalls.

        One into the registers at the edge, those of the sum of products, and the drain's.
        """
        return 1 + self.product.latency + self.drain.latency


def add_products(
    m: Module, p: ProductArrayParameters, name: str, operands: list[Value],
    columns: list[list[Value]], first: Value | None, valid: Value, advance: Value | None,
) -> list[DotProduct]:
    """The sums of products of one row of operands with some columns.

    Operands are as elements get them, from registers; ``first`` and ``valid`` come with them. What
    their negative digits lack is added up once for all columns.
    """  # fmt: skip
    addend: Value | None = None
    if p.product.negatives is not None:
        m.submodules[f"negatives{name}"] = negatives = NegativeSum(p.product.negatives)
        wires = [row_negatives(m, p, a, f"{k}{name}") for k, a in enumerate(operands)]
        m.d.comb += negatives.negative.eq(Cat(*wires))
        addend = delayed(
            m, negatives.total, f"addend{name}", p.product.latency - 1, enable=advance
        )
    units = []
    for n, column in enumerate(columns):
        m.submodules[f"product{name}_{n}"] = unit = DotProduct(p.product)
        m.d.comb += [Value.cast(unit.a).eq(Cat(*operands)), Value.cast(unit.b).eq(Cat(*column))]
        if addend is not None:
            m.d.comb += unit.addend.eq(addend)
        if p.accumulate:
            m.d.comb += unit.first.eq(first)
        if p.accumulate and advance is not None:
            m.d.comb += unit.enable.eq(valid)
        if advance is not None:
            m.d.comb += unit.advance.eq(advance)
        units.append(unit)
    return units


def edge_register(
    m: Module, p: ProductArrayParameters, a: Value, name: str, valid: Value, advance: Value | None
) -> Value:
    """``a`` as elements get it, a cycle later; 0 for a bubble that they take as a step."""
    if p.accumulate and advance is None:
        a = a.as_unsigned() & valid.replicate(len(a))
    return delayed(m, edge_operand(m, p, a, name), f"a_{name}", 1, enable=advance)
