"""Proofs for all operands that reducers of 10-bit moduli give the remainder, by SAT.

The remainder of x is the s below M for which ``x = q M + s``: so q and s are free, and the
reducer must give s. To the solver that is two to three times easier than a divider.
"""

from __future__ import annotations

import pytest
from amaranth.hdl import Signal

from gatewright.tests.hw.formal import Claim, prove

from .designs import config

MODULI = {"just above a power of two": 513, "prime": 769, "all ones": 1023, "random": 0x2D5}
SLOW = ("lut", "random")


def cases() -> list[object]:
    return [
        pytest.param(
            method, modulus, id=f"{method}-{name}",
            marks=[pytest.mark.soak] if (method, name) == SLOW else [],
        )
        for method in ("lut", "barrett_mcm")
        for name, modulus in MODULI.items()
    ]  # fmt: skip


@pytest.mark.one_in(12)
@pytest.mark.parametrize(("method", "modulus"), cases())
def test_ten_bits(method: str, modulus: int) -> None:
    p = config(modulus, f"{method} pipeline=none").reducer
    assert (p.width, p.latency) == (20, 0)
    claim = Claim()
    claim.m.submodules.reducer = reducer = p.create()
    quotient, remainder = claim.free(11, "quotient"), claim.free(10, "remainder")
    x = Signal(21)
    claim.m.d.comb += [
        x.eq(quotient * modulus + remainder),
        reducer.i.payload.x.eq(x), reducer.i.valid.eq(1), reducer.o.ready.eq(1),
    ]  # fmt: skip
    beyond = (remainder >= modulus) | x[20]
    claim.conditions += [
        beyond | (reducer.o.payload.r == remainder), reducer.o.valid, reducer.i.ready,
    ]  # fmt: skip
    prove(claim)
