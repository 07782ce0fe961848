"""A million operands per architecture at 128 bits, with and without stalls, against ``%``.

`make test` gives fewer operands to some architectures; `make thorough` the million to those that
stream, and `make soak` to methods that take some cycles per operand.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.golden.modred.vectors import mixed
from gatewright.verification.modred.stimulus import Design, Operands
from gatewright.verification.stalls import Stall

from .designs import SIZES, build, run_operands

MILLION = 1_000_000
MODULUS = SIZES[128]


@cache
def volume(count: int) -> Operands:
    """The operands of every architecture: they have the same modulus and width."""
    return [(x,) for x in mixed(MODULUS, 256, random.Random(1), count)]


@cache
def residues(count: int, scale: int) -> Operands:
    return [(x * scale % MODULUS,) for (x,) in volume(count)]


def check_volume(folder: Path, settings: str, count: int) -> None:
    """Half of the operands go without a pause; the rest with pauses at both ends."""
    model = BatchedModel(build(folder, MODULUS, settings), seed=3)
    design = Design.of(model.manifest)
    assert (design.modulus, design.width) == (MODULUS, 256)
    operands, right = volume(count), residues(count, design.scale)
    half = count // 2
    run = run_operands(model, operands[:half], expected=right[:half])
    steady = run.when["o"].astype(np.int64) - run.when["i"].astype(np.int64)
    assert (steady == design.latency).all(), "every operand must take the same cycles"
    assert run.cycles == design.latency + 1 + (half - 1) * design.interval
    pauses = {"i": Stall(0.2, 4), "o": Stall(0.3, 9)}
    run_operands(model, operands[half:], expected=right[half:], stall=pauses, seed=7)


STREAMED = [
    "lut", "barrett_mcm", "montgomery_mcm", "horner mode=streaming", "horner_cs mode=streaming",
]  # fmt: skip
SERIAL = [
    "hybrid", "horner", "horner_cs", "restoring restore_bits=4", "lut mode=multi_cycle",
]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("settings", STREAMED)
def test_a_million_streamed(tmp_path: Path, settings: str) -> None:
    check_volume(tmp_path, settings, MILLION)


@pytest.mark.one_in(10)
@pytest.mark.parametrize("settings", [*STREAMED, *SERIAL])
def test_volume(tmp_path: Path, settings: str) -> None:
    check_volume(tmp_path, settings, 40_000)


@pytest.mark.soak
@pytest.mark.parametrize("settings", [*SERIAL, "restoring mode=streaming"])
def test_a_million_serially(tmp_path: Path, settings: str) -> None:
    check_volume(tmp_path, settings, MILLION)


@pytest.mark.one_in(12)
@pytest.mark.parametrize("operation", ["multiply", "multiply_accumulate", "butterfly"])
@pytest.mark.parametrize("method", ["barrett_mcm", "montgomery_mcm", "horner"])
def test_arithmetic(tmp_path: Path, operation: str, method: str) -> None:
    settings = f"{method} operation={operation}"
    model = BatchedModel(build(tmp_path, SIZES[64], settings), seed=1)
    design = Design.of(model.manifest)
    count = 4_000 if method == "horner" else 20_000
    operands = design.volume(random.Random(4), count)
    half = len(operands) // 2
    run = run_operands(model, operands[:half])
    assert run.cycles == design.latency + 1 + (half - 1) * design.interval
    run_operands(model, operands[half:], stall={"i": Stall(0.3), "o": Stall(0.4, 5)}, seed=2)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param("horner", marks=pytest.mark.thorough),
        pytest.param("horner digit_bits=8 store=block_ram", marks=pytest.mark.soak),
    ],
)
def test_8192_bits(tmp_path: Path, settings: str) -> None:
    """A hundred operands of twice 8192 bits, of every class."""
    modulus = random.Random(8192).getrandbits(8191) | 1 << 8191 | 1
    model = BatchedModel(build(tmp_path, modulus, settings), seed=1)
    design = Design.of(model.manifest)
    drawn = design.operands(random.Random(0), 12)
    operands = [each for tuples in drawn.values() for each in tuples]
    assert len(operands) >= 100
    run = run_operands(model, operands)
    assert run.cycles == design.latency + 1 + (len(operands) - 1) * design.interval
