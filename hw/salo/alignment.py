"""Online softmax on integers: two sums with exponents, brought to the larger one and added."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

__all__ = ["Alignment", "align", "rounded_sum", "shift_bits"]


@dataclass(frozen=True)
class Alignment:
    """What a comparison of two exponents says.

    Attributes
    ----------
    maximum
        The larger exponent.
    other_larger
        The other one is the larger one, or the only one: the first sum is shifted, not the other.
    amount
        By how much, at most all ones: that shifts every sum to 0.
    """

    maximum: Signal
    other_larger: Signal
    amount: Signal


def shift_bits(sum_bits: int) -> int:
    """Bits of a shift amount, the largest of which leaves nothing of a signed sum.

    ``(x + 2^(s-1)) >> s`` is 0 for every ``s >= w`` and ``-2^(w-1) <= x < 2^(w-1)``.
    """
    return sum_bits.bit_length()


def align(
    m: Module, maximum: Value, seen: Value, other: Value, other_seen: Value, bits: int
) -> Alignment:
    """Compare two exponents, either of which may be there or not.

    With ``m' = max(m, n)`` either ``m' - m`` or ``m' - n`` is 0, so that one shifter does for two
    sums. Where the first is missing, its sum is 0: it is shifted, by whatever. Where the other is
    missing, its sum may be anything: it is shifted to 0.

    Parameters
    ----------
    m
        Module that gets the logic.
    maximum, other
        Exponents, signed, of equal width.
    seen, other_seen
        Whether they are there.
    bits
        Of the amount.
    """
    width = len(maximum)
    forward = Signal(signed(width + 1))
    backward = Signal(signed(width + 1))
    larger, swap = Signal(name="larger"), Signal(name="other_larger")
    distance = Signal(width)
    amount = Signal(bits, name="amount")
    result = Signal(signed(width), name="larger_maximum")
    far = distance[bits:].any() if bits < width else Const(0, 1)
    m.d.comb += [
        forward.eq(maximum.as_signed() - other.as_signed()),
        backward.eq(other.as_signed() - maximum.as_signed()),
        larger.eq(forward[-1]),
        distance.eq(Mux(larger, backward, forward)),
        swap.eq(other_seen & (larger | ~seen)),
        amount.eq(distance[:bits] | (far | ~other_seen).replicate(bits)),
        result.eq(Mux(swap, other, maximum)),
    ]
    return Alignment(result, swap, amount)


def rounded_sum(m: Module, base: Value, moved: Value, amount: Value) -> Signal:
    """Compute ``base + rs(moved, amount)``, as wide as they are.

    ``rs(x, s) = (x + 2^(s-1)) >> s``, and x for s = 0: to nearest, ties upward. That is ``x >> s``
    and the last bit that was dropped, so rounding takes no adder of its own.
    """
    width = len(base)
    shifted = Signal(signed(width + 1), name="shifted")
    total = Signal(signed(width), name="rounded_sum")
    m.d.comb += [
        shifted.eq(Cat(Const(0, 1), moved).as_signed() >> amount),
        total.eq(base + shifted[1:].as_signed() + shifted[0]),
    ]
    return total
