"""Sum and difference of two residues, with the one correction that each needs."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["add_modulo", "subtract_modulo"]


def add_modulo(m: Module, a: Value, b: Value, modulus: int, *, name: str) -> Signal:
    """Compute ``(a + b) mod M``.

    ``a + b <= 2 (M - 1) < 2 M``, so that M is subtracted once or not at all: if the difference
    ``a + b - M`` is not negative, it is the residue.

    Parameters
    ----------
    m
        Module that gets the logic.
    a, b
        0 to M - 1, of as many bits as M - 1.
    modulus
        M, at least 2.
    name
        Of the residue; the signals on the way have names that start with it.

    Returns
    -------
    Signal
        0 to M - 1, of as many bits as M - 1.
    """
    bits = (modulus - 1).bit_length()
    total = Signal(bits + 1, name=f"{name}_sum")
    lowered = Signal(bits + 2, name=f"{name}_lowered")
    residue = Signal(bits, name=name)
    m.d.comb += [
        total.eq(a + b),
        lowered.eq(total - modulus),
        residue.eq(Mux(lowered[-1], total, lowered)),
    ]
    return residue


def subtract_modulo(m: Module, a: Value, b: Value, modulus: int, *, name: str) -> Signal:
    """Compute ``(a - b) mod M``.

    ``a - b >= -(M - 1)``, so that M is added once if the difference is negative, and the result
    is then at least 1. Parameters and result are those of :func:`add_modulo`.
    """
    bits = (modulus - 1).bit_length()
    difference = Signal(bits + 1, name=f"{name}_difference")
    raised = Signal(bits, name=f"{name}_raised")
    residue = Signal(bits, name=name)
    m.d.comb += [
        difference.eq(a - b),
        raised.eq(difference + modulus),
        residue.eq(Mux(difference[-1], raised, difference)),
    ]
    return residue
