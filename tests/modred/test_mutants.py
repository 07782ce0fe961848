"""Mutants of the emitted hardware: the operands of the tests find them.

Every mutant changes the Verilog in one place. What cannot be found must be harmless by a
stated reason.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gatewright.flows.simulation.batched import BatchedModel, StreamError
from gatewright.verification.modred.stimulus import Design, Operands
from gatewright.verification.stalls import Stall

from .designs import SIZES, build, run_operands
from .mutation import mutants

PAUSES = {"i": Stall(0.3), "o": Stall(0.4, 5)}


def operands_of(model: BatchedModel, count: int = 60) -> Operands:
    drawn = Design.of(model.manifest).operands(random.Random(0), count)
    return [each for tuples in drawn.values() for each in tuples]


def killed(model: BatchedModel, operands: Operands, number: int) -> bool:
    """Whether a mutant gives a wrong result, a deadlock or a broken stream, stalled or not."""
    try:
        run_operands(model, operands, ports={"mutant": number})
        run_operands(model, operands, ports={"mutant": number}, stall=PAUSES, seed=number)
    except (AssertionError, StreamError):
        return True
    return False


@pytest.mark.thorough
@pytest.mark.parametrize(
    "settings",
    ["lut", "hybrid", "horner", "horner_cs", "barrett_mcm", "montgomery_mcm", "restoring"],
)
def test_share_of_mutants_killed(tmp_path: Path, settings: str) -> None:
    build_of = build(tmp_path / "right", SIZES[32], settings)
    changed, lines = mutants(build_of, tmp_path / "mutants", 200)
    model = BatchedModel(changed)
    operands = operands_of(model)
    run_operands(model, operands)
    alive = [line for k, line in enumerate(lines, start=1) if not killed(model, operands, k)]
    share = 1 - len(alive) / len(lines)
    assert share >= 0.9, f"{share:.1%} of the mutants found; alive: " + "\n".join(alive[:12])
