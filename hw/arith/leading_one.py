"""Where the highest set bit of a word is, one-hot or as a count of leading zeros."""

from __future__ import annotations

from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from .tree import reduce_tree

__all__ = ["leading_one", "leading_zeros"]


def leading_one(m: Module, word: Value) -> Signal:
    """One-hot position of the highest set bit: ``2^floor(log2(word))``, 0 for 0.

    Parameters
    ----------
    m
        Module that gets the logic.
    word
        Unsigned word of at least one bit.

    Returns
    -------
    Signal
        As wide as ``word``. Depth ``ceil(log2(width)) + 1`` gates.
    """
    width = len(word)
    # Each level ORs into a bit as many bits above it as the levels before have covered.
    any_from: Value = word
    distance = 1
    while distance < width:
        level = Signal(width, name=f"any_from_{distance}_above")
        m.d.comb += level.eq(any_from | any_from[distance:])
        any_from = level
        distance *= 2
    hot = Signal(width, name="leading_one")
    m.d.comb += hot.eq(any_from & ~Cat(any_from[1:], Const(0, 1)))
    return hot


def leading_zeros(m: Module, word: Value) -> Signal:
    """Count the zeros above the highest set bit: ``width - 1 - floor(log2(word))``.

    All ``width`` bits count for a zero word.

    Parameters
    ----------
    m
        Module that gets the logic.
    word
        Unsigned word of at least one bit.

    Returns
    -------
    Signal
        Unsigned, wide enough for ``width``.
    """
    width = len(word)
    hot = leading_one(m, word)
    count = Signal(range(width + 1), name="leading_zeros")
    terms = [Mux(hot[position], width - 1 - position, 0) for position in range(width - 1)]
    m.d.comb += count.eq(reduce_tree(or_, [*terms, Mux(word.any(), 0, width)]))
    return count
