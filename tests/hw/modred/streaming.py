"""Checks of reducers with one result per cycle: proofs, traffic, and their latency."""

from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module
from hypothesis import strategies as st

from gatewright.golden.modred.vectors import classes
from gatewright.hw.modred.reducer import ReducerParameters
from gatewright.tests.hw.formal import Claim, prove
from gatewright.tests.hw.modred.arithmetic import transfer


def prove_reducer(p: ReducerParameters) -> None:
    """Prove by SAT that a reducer without registers is right for every operand."""
    assert p.latency == 0
    claim = Claim()
    claim.m.submodules.dut = dut = p.create()
    x = claim.free(p.width, "x")
    claim.m.d.comb += [dut.i.payload.x.eq(x), dut.o.ready.eq(1)]
    r = dut.o.payload.r
    n = 0 if p.factor == 1 else p.modulus_bits
    allowed = x <= getattr(p, "largest_operand", (1 << p.width) - 1)
    right = (r < p.modulus) & (((r << n) % p.modulus) == (x % p.modulus))
    claim.conditions = [~allowed | right]
    prove(claim)


def operands(p: ReducerParameters, count: int, seed: int = 0) -> list[int]:
    """Operands of every class that the golden model knows, as far as the reducer takes them."""
    generator = random.Random(seed)
    largest = getattr(p, "largest_operand", (1 << p.width) - 1)
    by_class = classes(p.modulus, p.width, generator)
    each = max(1, count // len(by_class))
    chosen = [largest, 0]
    for values in by_class.values():
        legal = [x for x in values if x <= largest]
        chosen += generator.sample(legal, min(each, len(legal)))
    return chosen


def odd_modulus(data: st.DataObject, most_bits: int) -> int:
    """Draw an odd modulus of 2 bits or more."""
    n = data.draw(st.integers(2, most_bits), label="n")
    return data.draw(st.integers(1 << (n - 1), (1 << n) - 1), label="modulus") | 1


def check_traffic(p: ReducerParameters, xs: list[int], stalls: float = 0.4) -> None:
    """Residues and tags under stalls; then latency and interval of the parameters without any."""
    assert all(bound.holds for bound in p.bounds), p.bounds
    tags = (1 << p.tag_bits) - 1
    beats = [(x, index & tags) if p.tag_bits else (x,) for index, x in enumerate(xs)]

    def expected(x: int, *tag: int) -> tuple[int, ...]:
        return (x * p.factor % p.modulus, *tag)

    if stalls:
        transfer(p.create(), beats, expected, stalls=stalls)
    latencies, intervals = transfer(p.create(), beats, expected)
    assert latencies == {p.latency}
    assert intervals == {p.interval}


def merged_sums(p: ReducerParameters) -> int:
    """Sums of more than two operands that Yosys makes of a reducer's adders."""
    ys = pytest.importorskip("pyosys.libyosys", reason="pyosys is not installed")
    m = Module()
    m.submodules.dut = dut = p.create()
    with tempfile.TemporaryDirectory() as folder:
        source, log = Path(folder, "dut.il"), Path(folder, "stat.log")
        ports = [dut.i.p.as_value(), dut.o.p.as_value(), dut.i.valid, dut.i.ready, dut.o.valid,
                 dut.o.ready]  # fmt: skip
        source.write_text(rtlil.convert(m, name="top", ports=ports))
        design = ys.Design()
        for command in (
            f"read_rtlil {source}", "hierarchy -top top", "proc", "flatten", "opt -full", "wreduce",
            "opt_expr -fine", "alumacc",
        ):
            design.run_pass(f"tee -q {command}")
        design.run_pass(f"tee -q -o {log} stat")
        found = re.search(r"^\s*(\d+)\s+(?:\S+\s+)?\$macc", log.read_text(), re.MULTILINE)
        design.run_pass("tee -q delete")
    return int(found[1]) if found else 0
