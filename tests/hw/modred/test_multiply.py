"""Modular multipliers: products, constant time, stalls, with reducers of every timing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.barrett_mcm import BarrettParameters
from gatewright.hw.modred.horner import HornerParameters
from gatewright.hw.modred.horner_cs import HornerCarrySaveParameters
from gatewright.hw.modred.hybrid import HybridParameters
from gatewright.hw.modred.lut import LutParameters
from gatewright.hw.modred.montgomery_mcm import MontgomeryParameters
from gatewright.hw.modred.multiply import ModularMultiplierParameters, product_bits
from gatewright.hw.modred.normalise import normalised
from gatewright.hw.modred.reducer import Pipelining, ReducerParameters, Store
from gatewright.hw.modred.restoring import RestoringParameters
from gatewright.tests.hw.formal import Claim, prove
from gatewright.tests.hw.modred.arithmetic import RemainderParameters, Values, residues, transfer


def multiplier(
    modulus: int, *, accumulate: bool = False, tag_bits: int = 0, ranks: int = 0, cycles: int = 0,
    **options,
) -> ModularMultiplierParameters:
    reducer = RemainderParameters(
        modulus=modulus, width=product_bits(modulus, accumulate), tag_bits=tag_bits,
        ranks=ranks, cycles=cycles,
    )
    return ModularMultiplierParameters(reducer=reducer, accumulate=accumulate, **options)


def expected(p: ModularMultiplierParameters):
    """What a design gives for the fields of its operands."""

    def results(a: int, b: int, *more: int) -> Values:
        c = more[0] if p.accumulate else 0
        return (a * b + c) * p.factor % p.modulus, *more[int(p.accumulate) :]

    return results


def operands(p: ModularMultiplierParameters, count: int, seed: int = 0) -> list[Values]:
    sets = residues(p.modulus, 2 + p.accumulate, count, seed)
    if not p.tag_bits:
        return sets
    return [(*each, index % (1 << p.tag_bits)) for index, each in enumerate(sets)]


@pytest.mark.parametrize("modulus", [2, 3, 4, 7, 8, 12])
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("style", ["chain", "compressor"])
def test_product_is_proven(modulus: int, accumulate: bool, style: str) -> None:
    """With no register anywhere, by the SAT solver: all residues at once."""
    p = multiplier(modulus, accumulate=accumulate, style=style, pipeline=Pipelining.NONE)
    assert (p.latency, p.interval) == (0, 1)
    claim = Claim()
    claim.m.submodules.dut = dut = p.create()
    a, b, c = (claim.free(p.residue_bits, name) for name in "abc")
    legal = (a < modulus) & (b < modulus) & (c < modulus)
    claim.m.d.comb += [dut.i.payload.a.eq(a), dut.i.payload.b.eq(b)]
    total = a * b
    if accumulate:
        claim.m.d.comb += dut.i.payload.c.eq(c)
        total += c
    claim.conditions.append(~legal | (dut.o.payload.r == total % modulus))
    prove(claim)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("pipeline", Pipelining)
@pytest.mark.parametrize("tag_bits", [0, 3])
def test_streaming_latency_and_interval(
    accumulate: bool, pipeline: Pipelining, tag_bits: int
) -> None:
    p = multiplier(3329, accumulate=accumulate, pipeline=pipeline, tag_bits=tag_bits, ranks=2)
    assert p.interval == 1
    assert transfer(p.create(), operands(p, 40), expected(p)) == ({p.latency}, {1})


@pytest.mark.one_in(12)
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("cycles", [2, 3, 5, 9, 14, 40])
@pytest.mark.parametrize("style", ["chain", "compressor", "carry_save"])
def test_multi_cycle_latency_and_interval(accumulate: bool, cycles: int, style: str) -> None:
    """Back to back each takes as long as alone, even if the reducer is the slower part."""
    p = multiplier(8380417, accumulate=accumulate, cycles=cycles, style=style, tag_bits=2)
    assert transfer(p.create(), operands(p, 30), expected(p)) == ({p.latency}, {p.interval})
    assert p.interval >= cycles


def test_digits_keep_the_reducer_busy_and_no_more() -> None:
    for cycles in range(3, 30):
        p = multiplier(8380417, cycles=cycles)
        assert p.interval == cycles
        narrower = p.multiplier.digit_bits - 1
        if narrower:
            slower = multiplier(8380417, cycles=cycles, digit_bits=narrower)
            assert slower.interval > cycles
    assert multiplier(8380417, cycles=2).interval == 2
    assert not multiplier(8380417).iterative
    assert multiplier(8380417, digit_bits=8).interval == 4
    assert multiplier((1 << 2000) - 1, cycles=5).multiplier.digit_bits == 64


ARCHITECTURES = [
    BarrettParameters, HornerCarrySaveParameters, HornerParameters, HybridParameters,
    LutParameters, MontgomeryParameters, RestoringParameters,
]  # fmt: skip


@pytest.mark.one_in(16)
@pytest.mark.parametrize("modulus", [3, 3329, 2**44 + 7, 12, 2**20 + 2**9, 64])
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture(modulus: int, accumulate: bool, architecture: type) -> None:
    """Latency and interval too: what a reducer says of itself is what its products see."""
    width = product_bits(modulus, accumulate)
    if architecture is MontgomeryParameters and modulus % 2 == 0:
        pytest.skip("2^-n mod M does not exist")

    def make(odd: int, operand_bits: int, tag_bits: int) -> ReducerParameters:
        return architecture(modulus=odd, width=operand_bits, tag_bits=tag_bits)

    reducer = normalised(modulus, width, 2, make)
    p = ModularMultiplierParameters(reducer=reducer, accumulate=accumulate)
    sets = operands(p, 40)
    assert transfer(p.create(), sets, expected(p)) == ({p.latency}, {p.interval})
    transfer(p.create(), sets, expected(p), stalls=0.3)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_shape_under_stalls(data: st.DataObject) -> None:
    cycles = data.draw(st.integers(0, 12))
    iterative = cycles > 1 or data.draw(st.booleans())
    styles = ["chain", "compressor", "carry_save" if iterative else "operator"]
    p = multiplier(
        data.draw(st.integers(2, 2**40)),
        accumulate=data.draw(st.booleans()),
        tag_bits=data.draw(st.integers(0, 2)),
        ranks=data.draw(st.integers(0, 3)),
        cycles=cycles,
        digit_bits=data.draw(st.integers(1, 9)) if iterative and cycles < 2 else None,
        style=data.draw(st.sampled_from(styles)),
        pipeline=data.draw(st.sampled_from(Pipelining)),
    )
    seed = data.draw(st.integers(0, 99))
    transfer(p.create(), operands(p, 24, seed), expected(p), stalls=0.4, seed=seed)


def test_bounds_start_with_the_product() -> None:
    first = multiplier(13, accumulate=True).bounds[0]
    assert (first.value, first.holds) == (12 * 12 + 12, True)


def test_reducer_must_be_wide_enough() -> None:
    assert [product_bits(2**8 - 5), product_bits(3), product_bits(3, True)] == [16, 3, 3]
    narrow = RemainderParameters(modulus=251, width=15)
    with pytest.raises(ValueError, match=r"^width of the reducer must be at least 16, .* not 15$"):
        ModularMultiplierParameters(reducer=narrow)


def test_reducer_must_take_the_largest_product() -> None:
    enough = BarrettParameters(modulus=251, width=16, largest=250 * 250)
    p = ModularMultiplierParameters(reducer=enough)
    transfer(p.create(), operands(p, 60), expected(p))
    with pytest.raises(ValueError, match=r"^largest of the reducer must be at least 62750, .*00$"):
        ModularMultiplierParameters(reducer=enough, accumulate=True)


def test_modulus_must_be_constant() -> None:
    class WritableParameters(RemainderParameters):
        store = Store.WRITABLE

    reducer = WritableParameters(modulus=251, width=16)
    with pytest.raises(ValueError, match=r"^store of the reducer must be logic or block_ram"):
        ModularMultiplierParameters(reducer=reducer)


@pytest.mark.parametrize(
    "field, value, allowed",
    [("digit_bits", 0, "1 to 64"), ("style", "booth", "chain, compressor or operator")],
)
def test_parameters_are_checked(field: str, value: object, allowed: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be {allowed}, not {value!r}$"):
        multiplier(251, **{field: value})
