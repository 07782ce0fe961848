"""Logical right shift by a run-time amount that keeps few bits and says what did not fit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value

__all__ = ["saturating_shift_right"]


def saturating_shift_right(
    m: Module, word: Value, amount: Value, width: int
) -> tuple[Value, Value]:
    """Compute ``floor(word / 2^amount)`` in ``width`` bits, and whether it needs more.

    Long steps come first: after the step of ``2^i`` only ``width + 2^i - 1`` bits can still reach
    the result, so the word narrows with every step instead of staying at full width. Any higher
    bit that is set at that point overflows.

    Parameters
    ----------
    m
        Module that gets the logic.
    word
        Unsigned word of any width.
    amount
        Unsigned shift amount; may exceed the word's width.
    width
        Bits of the result, at least 1.

    Returns
    -------
    result, overflow
        ``width`` bits (fewer if ``word`` is narrower) and 1 bit; the result means nothing while
        ``overflow`` is set. ``len(amount)`` levels of multiplexers.
    """
    lost = []
    for index in reversed(range(len(amount))):
        step = 1 << index
        reach = width + step - 1
        shifted = Signal(len(word), name=f"shifted_by_{step}")
        m.d.comb += shifted.eq(Mux(amount[index], word[step:], word))
        lost.append(shifted[reach:])
        word = shifted[:reach]
    return word, Cat(lost).any()
