"""Rows that add up to a product of two unsigned integers, one for each two bits of one of them."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

__all__ = ["booth_rows", "multiple_rows"]


def multiple_rows(m: Module, a: Value, triple: Value, b: Value) -> list[Value]:
    """``a * digit`` for each digit 0 … 3 of b in radix 4, lowest first.

    Two look-up tables of four inputs for each bit, where two rows of ``a & bit`` would take the
    same and an adder. ``triple`` is ``3 a``; each row is as wide as the largest it can be.
    """
    rows: list[Value] = []
    for shift in range(0, len(b), 2):
        digit = b[shift : shift + 2]
        row = Signal(len(a) + len(digit), name=f"multiple_{shift}")
        lower = Mux(digit[0], a, 0)
        if len(digit) == 2:
            upper = Mux(digit[0], triple, Cat(Const(0, 1), a))
            m.d.comb += row.eq(Mux(digit[1], upper, lower))
        else:
            m.d.comb += row.eq(lower)
        rows.append(row)
    return rows


def booth_rows(m: Module, a: Value, b: Value) -> tuple[list[tuple[int, Value]], int]:
    """Rows ``(shift, word)`` and a constant that add up to ``a * b``, as wide as that.

    b is written in digits -2 … 2 of radix 4. For a negative digit the row is the complement of the
    multiple of a, and one more; that the complement stands for a number below 0 is a weight
    ``-2^k``, written as ``(1 - negative) * 2^k`` with ``-2^k`` in the constant.

    Returns
    -------
    rows
        ``len(b) // 2 + 1`` words, and a bit beside each whose digit can be negative.
    constant
        Negative or 0.

    Notes
    -----
    O. MacSorley, "High-speed arithmetic in binary computers", Proc. IRE 49 (1961).
    """
    rows: list[tuple[int, Value]] = []
    constant = 0
    width = len(a) + 1
    bits = Cat(Const(0, 1), b, Const(0, 2))
    for shift in range(0, len(b) + 1, 2):
        below, low, high = bits[shift], bits[shift + 1], bits[shift + 2]
        one, two = Signal(name=f"one_{shift}"), Signal(name=f"two_{shift}")
        multiple = Signal(width, name=f"multiple_{shift}")
        m.d.comb += [
            one.eq(low ^ below),
            two.eq(Mux(high, ~low & ~below, low & below)),
            multiple.eq((a & one.replicate(width)) | (Cat(Const(0, 1), a) & two.replicate(width))),
        ]
        if shift + 1 >= len(b):  # The digit's highest bit is above b: it is 0.
            rows.append((shift, multiple))
            continue
        word = Signal(width + 1, name=f"signed_multiple_{shift}")
        m.d.comb += word.eq(Cat(multiple ^ high.replicate(width), ~high))
        rows += [(shift, word), (shift, high)]
        constant -= 1 << (shift + width)
    return rows, constant
