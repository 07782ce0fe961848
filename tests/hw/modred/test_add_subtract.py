"""Sums and differences of residues, proven for small moduli, and tried for large ones."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.add_subtract import add_modulo, subtract_modulo
from gatewright.tests.hw.formal import Claim, prove


@pytest.mark.parametrize("modulus", [2, 3, 4, 5, 16, 17, 30, 31, 251])
def test_residues_are_proven(modulus: int) -> None:
    claim = Claim()
    bits = (modulus - 1).bit_length()
    a, b = claim.free(bits, "a"), claim.free(bits, "b")
    legal = (a < modulus) & (b < modulus)
    total = add_modulo(claim.m, a, b, modulus, name="total")
    difference = subtract_modulo(claim.m, a, b, modulus, name="difference")
    assert len(total) == len(difference) == bits
    claim.conditions += [
        ~legal | (total == (a + b) % modulus),
        ~legal | (difference == (a + modulus - b) % modulus),
    ]
    prove(claim)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_residues_of_any_modulus(data: st.DataObject) -> None:
    modulus = data.draw(st.integers(2, 2**80))
    residue = st.sampled_from([0, 1, modulus - 1]) | st.integers(0, modulus - 1)
    pairs = data.draw(st.lists(st.tuples(residue, residue), min_size=1, max_size=20))
    m = Module()
    a, b = (Signal((modulus - 1).bit_length(), name=name) for name in "ab")
    total = add_modulo(m, a, b, modulus, name="total")
    difference = subtract_modulo(m, a, b, modulus, name="difference")

    async def bench(ctx) -> None:
        for x, y in pairs:
            ctx.set(a, x)
            ctx.set(b, y)
            assert ctx.get(total) == (x + y) % modulus
            assert ctx.get(difference) == (x - y) % modulus

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
