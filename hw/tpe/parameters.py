"""Operands of a multiplication, and how wide a sum of products is."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Shape

__all__ = ["OperandParameters", "check_accumulator_width", "check_width"]

_WIDTHS = range(2, 33)


def check_width(name: str, width: int) -> None:
    """Refuse an operand width that is not in 2..32 with :class:`ValueError`."""
    if width not in _WIDTHS:
        raise ValueError(f"{name} must be in 2..32, not {width!r}")


def check_accumulator_width(width: int) -> None:
    """Refuse an accumulator without bits with :class:`ValueError`."""
    if width < 1:
        raise ValueError(f"accumulator_width must be at least 1, not {width!r}")


@dataclass(frozen=True)
class OperandParameters:
    """Widths and signs of the operands ``a``, which is taken apart into digits, and ``b``.

    Raises
    ------
    ValueError
        A width is not in 2..32.
    """

    a_width: int = 8
    a_signed: bool = True
    b_width: int = 8
    b_signed: bool = True

    def __post_init__(self) -> None:
        for name in ("a_width", "b_width"):
            check_width(name, getattr(self, name))

    @property
    def a_shape(self) -> Shape:
        return Shape(self.a_width, self.a_signed)

    @property
    def b_shape(self) -> Shape:
        return Shape(self.b_width, self.b_signed)

    @property
    def product_range(self) -> tuple[int, int]:
        """Least and largest product."""
        products = [x * y for x in _bounds(self.a_shape) for y in _bounds(self.b_shape)]
        return min(products), max(products)

    def accumulator_width(self, depth: int) -> int:
        """The least width in which no sum of ``depth`` products overflows two's complement.

        The smallest ``A`` with ``-2^(A-1) <= K min(a b)`` and ``K max(a b) < 2^(A-1)``: both ends
        are reached, by ``K`` equal pairs, so no smaller width will do, and every other sum lies
        between them. That partial sums or carry-save pairs leave the range does no harm: they are
        right modulo ``2^A``, and so is the last one, which is in the range.
        """
        if depth < 1:
            raise ValueError(f"depth must be at least 1, not {depth!r}")
        low, high = (depth * product for product in self.product_range)
        return 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)


def _bounds(shape: Shape) -> tuple[int, int]:
    """Least and largest number of a shape."""
    if shape.signed:
        return -(1 << shape.width - 1), (1 << shape.width - 1) - 1
    return 0, (1 << shape.width) - 1
